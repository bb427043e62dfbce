import Foundation
import XCTest

@testable import TextModels

/// A folder of golden files; Tools/make_golden.py says what is in it.
struct GoldenSet {
    let directory: URL

    var name: String { directory.lastPathComponent }

    /// The committed set, and the one that the variable QA_GOLDEN names.
    static func all() throws -> [GoldenSet] {
        let committed = try XCTUnwrap(
            Bundle.module.url(forResource: "Golden", withExtension: nil)
        )
        let named = ProcessInfo.processInfo.environment["QA_GOLDEN"].map(URL.init(fileURLWithPath:))
        return ([committed] + [named].compactMap { $0 }).map(GoldenSet.init)
    }

    static func committed() throws -> GoldenSet { try all()[0] }

    func data(_ name: String) throws -> Data {
        try Data(contentsOf: directory.appendingPathComponent(name))
    }

    func tokenizer(_ variant: String = "uncased") throws -> BertTokenizer {
        let suffix = variant == "uncased" ? "" : "-\(variant)"
        return try BertTokenizer(
            tokenizerJSON: data("tokenizer\(suffix).json"), vocabulary: data("vocab.txt")
        )
    }

    /// The rows of a file with one JSON object a line.
    func rows<Row: Decodable>(_ name: String, as type: Row.Type = Row.self) throws -> [Row] {
        let decoder = JSONDecoder()
        return try data(name).split(separator: UInt8(ascii: "\n")).map {
            try decoder.decode(Row.self, from: $0)
        }
    }
}

struct GoldenText: Decodable {
    let text: String
    let ids: [Int32]
    let starts: [Int]
    let ends: [Int]
}

struct GoldenAnswers: Decodable {
    struct Window: Decodable {
        let inputIDs: [Int32]
        let tokenTypeIDs: [Int32]
        let first: Int
    }

    struct Span: Decodable {
        let text: String
        let start: Int
        let end: Int
        let score: Double
        let probability: Double
    }

    let question: String
    let passage: String
    let maxLength: Int
    let docStride: Int
    let maxQuestionLength: Int
    let nBest: Int
    let maxAnswerLength: Int
    let allowNull: Bool
    let features: [Window]
    let start: [[Float]]
    let end: [[Float]]
    let answers: [Span]

    enum CodingKeys: String, CodingKey {
        case question, passage, features, start, end, answers
        case maxLength = "max_length"
        case docStride = "doc_stride"
        case maxQuestionLength = "max_question_length"
        case nBest = "n_best"
        case maxAnswerLength = "max_answer_length"
        case allowNull = "allow_null"
    }
}

extension GoldenAnswers.Window {
    enum CodingKeys: String, CodingKey {
        case first
        case inputIDs = "input_ids"
        case tokenTypeIDs = "token_type_ids"
    }
}

/// Texts equal scalar for scalar; `==` takes canonically equivalent texts for equal.
func sameScalars(_ a: some StringProtocol, _ b: some StringProtocol) -> Bool {
    a.unicodeScalars.elementsEqual(b.unicodeScalars)
}
