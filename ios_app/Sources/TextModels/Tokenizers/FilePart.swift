/// A part of tokenizer.json: normaliser, pre-tokenizer, model or post-processor. Whatever is read of it
/// is checked, and what is not known is refused by its name.
struct FilePart {
    /// What the part is called: `normalizer`, `model`.
    let name: String
    let value: JSONValue
    let type: String

    /// - Parameter usual: the type of a part that names none (old files leave out the model's).
    init(_ name: String, _ value: JSONValue, usual: String? = nil) throws {
        guard value.entries != nil, let type = value["type"]?.text ?? usual else {
            throw Self.refusal("its \(name) has no type")
        }
        self.name = name
        self.value = value
        self.type = type
    }

    /// Nil where the value is missing or null.
    static func optional(_ name: String, _ value: JSONValue?) throws -> FilePart? {
        guard let value, !value.isNull else { return nil }
        return try FilePart(name, value)
    }

    subscript(_ key: String) -> JSONValue? { value[key] }

    /// The entry of a table for the part's type.
    func reader<Reader>(_ table: [String: Reader]) throws -> Reader {
        guard let reader = table[type] else {
            throw Self.refusal("its \(name) is “\(type)”, which is not supported")
        }
        return reader
    }

    /// Refuses keys that are not read.
    func allow(_ keys: String...) throws {
        for (key, value) in value.entries ?? [] where !value.isNull {
            let key = String(scalars: key)
            guard key == "type" || keys.contains(key) else {
                throw refusal("“\(key)” is not supported")
            }
        }
    }

    /// Refuses an entry of another value.
    func require(_ key: String, isFalse: Bool) throws {
        guard isFalse else { throw refusal("“\(key)” with this value is not supported") }
    }

    func bool(_ key: String, usual: Bool? = nil) throws -> Bool {
        guard let value = self[key]?.bool ?? usual else { throw refusal("“\(key)” is missing") }
        return value
    }

    func scalars(_ key: String) throws -> [UInt32] {
        guard let scalars = self[key]?.scalars else { throw refusal("“\(key)” is missing") }
        return scalars
    }

    func elements(_ key: String) throws -> [JSONValue] {
        guard let elements = self[key]?.elements else { throw refusal("“\(key)” is missing") }
        return elements
    }

    /// The parts of a sequence.
    func parts(_ key: String) throws -> [FilePart] {
        try elements(key).map { try FilePart(name, $0) }
    }

    /// The id of an entry such as `["</s>", 2]`.
    func token(_ key: String) throws -> Int32 {
        guard let pair = self[key]?.elements, pair.count == 2, let id = pair[1].int32 else {
            throw refusal("“\(key)” is not a token with its id")
        }
        return id
    }

    func refusal(_ reason: String) -> TextModelsError {
        Self.refusal("its \(name) “\(type)”: \(reason)")
    }

    static func refusal(_ reason: String) -> TextModelsError {
        .badFile(name: "tokenizer.json", reason: reason)
    }
}

extension String {
    init(scalars: [UInt32]) {
        self.init(String.UnicodeScalarView(scalars.compactMap(Unicode.Scalar.init)))
    }
}
