import Foundation

/// The content of model.json, which the exporter writes beside a package.
public struct ModelSettings: Codable, Equatable, Sendable {
    public struct SpecialIDs: Codable, Equatable, Sendable {
        public let pad: Int32
        public let cls: Int32
        public let sep: Int32
    }

    public static let formatVersion = 1

    public let formatVersion: Int
    public let name: String
    /// File name of the package in the folder.
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

    enum CodingKeys: String, CodingKey {
        case name, package, task, lengths, inputs, outputs, quantization, layout
        case formatVersion = "format_version"
        case specialIDs = "special_ids"
        case maxQuestionLength = "max_question_length"
        case docStride = "doc_stride"
        case maxAnswerLength = "max_answer_length"
        case randomWeights = "random_weights"
    }

    /// - Throws: `QuestionAnsweringError`: no such file, broken, of another version or task.
    public init(directory: URL) throws {
        try self.init(json: readFile("model.json", in: directory))
    }

    public init(json: Data) throws {
        self = try decodeJSON(Self.self, json, name: "model.json")
        guard formatVersion == Self.formatVersion else {
            throw Self.refusal(
                "its format is \(formatVersion), this app reads \(Self.formatVersion)"
            )
        }
        guard !lengths.isEmpty, lengths.allSatisfy({ $0 > 0 }) else {
            throw Self.refusal("it names no lengths")
        }
        guard maxQuestionLength > 0, docStride > 0, maxAnswerLength > 0 else {
            throw Self.refusal("a length or stride in it is not above 0")
        }
    }

    /// The smallest length that holds `count` tokens, or nil when none does.
    public func bucket(for count: Int) -> Int? {
        lengths.filter { $0 >= count }.min()
    }

    private static func refusal(_ reason: String) -> QuestionAnsweringError {
        .badFile(name: "model.json", reason: reason)
    }
}

/// The content of a file of a model's folder.
func readFile(_ name: String, in directory: URL) throws -> Data {
    let file = directory.appendingPathComponent(name)
    guard FileManager.default.fileExists(atPath: file.path) else {
        throw QuestionAnsweringError.missingFile(name)
    }
    do {
        return try Data(contentsOf: file)
    } catch {
        throw QuestionAnsweringError.badFile(name: name, reason: error.localizedDescription)
    }
}

/// Decodes JSON and says in words where it is wrong.
func decodeJSON<T: Decodable>(_ type: T.Type, _ data: Data, name: String) throws -> T {
    do {
        return try JSONDecoder().decode(type, from: data)
    } catch DecodingError.keyNotFound(let key, _) {
        let key = key.stringValue
        throw QuestionAnsweringError.badFile(name: name, reason: "“\(key)” is missing")
    } catch DecodingError.typeMismatch(_, let context),
        DecodingError.valueNotFound(_, let context) {
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        throw QuestionAnsweringError.badFile(name: name, reason: "“\(path)” has the wrong type")
    } catch {
        throw QuestionAnsweringError.badFile(name: name, reason: "it is not JSON")
    }
}
