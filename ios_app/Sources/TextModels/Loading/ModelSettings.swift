import Foundation

/// The content of model.json, which the exporter writes beside a package. Version 1 has fewer
/// entries; what it does not say has the default that is named here.
public struct ModelSettings: Codable, Equatable, Sendable {
    public struct SpecialIDs: Codable, Equatable, Sendable {
        public let pad: Int32
        public let cls: Int32
        public let sep: Int32
        public var unk: Int32?
        public var mask: Int32?
    }

    /// One of the files that the bundle has for a framework.
    public struct Format: Codable, Equatable, Sendable {
        public let file: String
        public let bytes: Int
        /// Oldest system, such as iOS18.
        public let minimum: String
    }

    /// A short input with the outputs that the exporter's simulator found for it in float16.
    public struct Check: Codable, Equatable, Sendable {
        public let length: Int
        public let inputs: [String: [Int32]]
        public let outputs: [String: [Float]]
    }

    public static let readableVersions = 1...2
    /// Longest input, stride or answer, in tokens, that a file may name.
    static let mostTokens = 100_000

    public let formatVersion: Int
    public let name: String
    /// File name of the Core ML package in the folder.
    public let package: String
    public let task: String
    /// Lengths the package takes, in tokens.
    public let lengths: [Int]
    public let inputs: [String]
    public let outputs: [String]
    public let specialIDs: SpecialIDs
    public let maxQuestionLength: Int
    public let docStride: Int
    public let maxAnswerLength: Int
    public let quantization: String
    public let layout: String
    public let randomWeights: Bool
    /// By framework: coreml, coreai. Empty in version 1.
    public let formats: [String: Format]
    /// Names of the functions by length; empty when the package has one function.
    public let functions: [String: String]
    /// Separators between two texts: 1, or 2 (RoBERTa).
    public let pairSeparators: Int
    /// wordpiece, bpe or unigram.
    public let tokenizer: String
    /// SHA-256 of the bytes of tokenizer.json, in hexadecimal; nil in version 1.
    public let tokenizerSHA256: String?
    /// Above this difference of scores the answer is "none"; nil: there always is an answer.
    public let noAnswerThreshold: Double?
    public let labels: [String]
    public let problemType: String?
    /// softmax, sigmoid or identity.
    public let activation: String?
    public let similarity: String?
    public let checks: [Check]

    enum CodingKeys: String, CodingKey {
        case name, package, task, lengths, inputs, outputs, quantization, layout
        case formats, functions, tokenizer, labels, activation, similarity, checks
        case formatVersion = "format_version"
        case specialIDs = "special_ids"
        case maxQuestionLength = "max_question_length"
        case docStride = "doc_stride"
        case maxAnswerLength = "max_answer_length"
        case randomWeights = "random_weights"
        case pairSeparators = "pair_separators"
        case tokenizerSHA256 = "tokenizer_sha256"
        case noAnswerThreshold = "no_answer_threshold"
        case problemType = "problem_type"
    }

    public init(from decoder: any Decoder) throws {
        let file = try decoder.container(keyedBy: CodingKeys.self)
        formatVersion = try file.decode(Int.self, forKey: .formatVersion)
        name = try file.decode(String.self, forKey: .name)
        package = try file.decode(String.self, forKey: .package)
        task = try file.decode(String.self, forKey: .task)
        lengths = try file.decode([Int].self, forKey: .lengths)
        inputs = try file.decode([String].self, forKey: .inputs)
        outputs = try file.decode([String].self, forKey: .outputs)
        specialIDs = try file.decode(SpecialIDs.self, forKey: .specialIDs)
        maxQuestionLength = try file.decode(Int.self, forKey: .maxQuestionLength)
        docStride = try file.decode(Int.self, forKey: .docStride)
        maxAnswerLength = try file.decode(Int.self, forKey: .maxAnswerLength)
        quantization = try file.decode(String.self, forKey: .quantization)
        layout = try file.decode(String.self, forKey: .layout)
        randomWeights = try file.decode(Bool.self, forKey: .randomWeights)
        formats = try file.decodeIfPresent([String: Format].self, forKey: .formats) ?? [:]
        functions = try file.decodeIfPresent([String: String].self, forKey: .functions) ?? [:]
        pairSeparators = try file.decodeIfPresent(Int.self, forKey: .pairSeparators) ?? 1
        tokenizer = try file.decodeIfPresent(String.self, forKey: .tokenizer) ?? "wordpiece"
        tokenizerSHA256 = formatVersion > 1
            ? try file.decode(String.self, forKey: .tokenizerSHA256) : nil
        noAnswerThreshold = try file.decodeIfPresent(Double.self, forKey: .noAnswerThreshold)
        labels = try file.decodeIfPresent([String].self, forKey: .labels) ?? []
        problemType = try file.decodeIfPresent(String.self, forKey: .problemType)
        activation = try file.decodeIfPresent(String.self, forKey: .activation)
        similarity = try file.decodeIfPresent(String.self, forKey: .similarity)
        checks = try file.decodeIfPresent([Check].self, forKey: .checks) ?? []
    }

    /// - Throws: `TextModelsError`: no such file, broken, or of another version.
    public init(directory: URL) throws {
        try self.init(json: readFile("model.json", in: directory))
    }

    public init(json: Data) throws {
        self = try decodeJSON(Self.self, json, name: "model.json")
        try check()
    }

    /// The smallest length that holds `count` tokens, or nil when none does.
    public func bucket(for count: Int) -> Int? {
        lengths.filter { $0 >= count }.min()
    }

    /// The function of a package that takes a length; nil when the package has one function.
    public func function(for length: Int) -> String? { functions[String(length)] }

    /// The file of a framework; nil where the bundle has none. Version 1 knew Core ML alone.
    public func format(for framework: Framework) -> Format? {
        if !formats.isEmpty || framework != .coreML { return formats[framework.rawValue] }
        return Format(file: package, bytes: 0, minimum: "iOS16")
    }

    private func check() throws {
        guard Self.readableVersions.contains(formatVersion) else {
            throw Self.refusal("its format is \(formatVersion), this app reads 1 and 2")
        }
        guard !lengths.isEmpty else { throw Self.refusal("it names no lengths") }
        let numbers = lengths.map { ("lengths", $0, Self.mostTokens) } + [
            ("max_question_length", maxQuestionLength, Self.mostTokens),
            ("doc_stride", docStride, Self.mostTokens),
            ("max_answer_length", maxAnswerLength, Self.mostTokens),
            ("pair_separators", pairSeparators, 2),
        ]
        for (name, value, most) in numbers where !(1...most).contains(value) {
            throw Self.refusal("“\(name)” is \(value) (expected 1 to \(most))")
        }
        guard functions.isEmpty || Set(functions.keys) == Set(lengths.map(String.init)) else {
            throw Self.refusal("its functions are not those of its lengths")
        }
        let names = [package] + formats.values.map(\.file)
        for name in names where name.isEmpty || name.hasPrefix(".") || name.contains("/") {
            throw Self.refusal("“\(name)” is not a file name")
        }
        guard formats.isEmpty || Framework.allCases.contains(where: { format(for: $0) != nil })
        else { throw Self.refusal("its formats are \(formats.keys.sorted()), which no framework takes") }
        for format in formats.values where format.bytes < 0 {
            throw Self.refusal("“bytes” of \(format.file) is \(format.bytes)")
        }
        let special = specialIDs
        let ids: [Int32?] = [special.pad, special.cls, special.sep, special.unk, special.mask]
        guard ids.allSatisfy({ $0 ?? 0 >= 0 }) else { throw Self.refusal("a special id is below 0") }
        try checks.forEach(check)
    }

    private func check(_ check: Check) throws {
        guard lengths.contains(check.length) else {
            throw Self.refusal("a check of length \(check.length) (expected one of the lengths)")
        }
        guard Set(check.inputs.keys) == Set(inputs),
            check.inputs.values.allSatisfy({ $0.count == check.length && $0.allSatisfy { $0 >= 0 } })
        else { throw Self.refusal("a check has other inputs than its length says") }
        guard !check.outputs.isEmpty, Set(check.outputs.keys).isSubset(of: outputs),
            check.outputs.values.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isFinite) })
        else { throw Self.refusal("a check has other outputs than the package") }
    }

    static func refusal(_ reason: String) -> TextModelsError {
        .badFile(name: "model.json", reason: reason)
    }
}

/// The content of a file of a model's folder.
func readFile(_ name: String, in directory: URL) throws -> Data {
    let file = directory.appendingPathComponent(name)
    guard FileManager.default.fileExists(atPath: file.path) else {
        throw TextModelsError.missingFile(name)
    }
    do {
        return try Data(contentsOf: file)
    } catch {
        throw TextModelsError.badFile(name: name, reason: error.localizedDescription)
    }
}

/// Decodes JSON and says in words where it is wrong.
func decodeJSON<T: Decodable>(_ type: T.Type, _ data: Data, name: String) throws -> T {
    let path = { (context: DecodingError.Context) in
        context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
            .joined(separator: ".")
    }
    do {
        return try JSONDecoder().decode(type, from: data)
    } catch DecodingError.keyNotFound(let key, _) {
        let key = key.stringValue
        throw TextModelsError.badFile(name: name, reason: "“\(key)” is missing")
    } catch DecodingError.typeMismatch(_, let context),
        DecodingError.valueNotFound(_, let context) {
        let reason = "“\(path(context))” has the wrong type"
        throw TextModelsError.badFile(name: name, reason: reason)
    } catch DecodingError.dataCorrupted(let context) where (try? JSONValue(data, name: name)) != nil {
        let entry = path(context)
        let place = entry.isEmpty ? "a number in it" : "“\(entry)”"
        throw TextModelsError.badFile(name: name, reason: "\(place) is out of range")
    } catch {
        throw TextModelsError.badFile(name: name, reason: "it is not JSON")
    }
}
