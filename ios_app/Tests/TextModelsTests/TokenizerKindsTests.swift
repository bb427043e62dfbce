import XCTest

@testable import TextModels

/// A text, or a pair, with special tokens: `tokenizer.encode(first, second)` in Python.
struct GoldenPair: Decodable {
    let first: String
    let second: String?
    let longest: Int?
    let ids: [Int32]
    let types: [Int32]
    let texts: [Int?]
    let starts: [Int]
    let ends: [Int]
}

/// Equality with `tokenizers` for every kind of tokenizer.json; Tools/make_kinds.py makes the files.
final class TokenizerKindsTests: XCTestCase {
    /// The committed sets, and those of the folder that QA_KINDS names.
    private func sets() throws -> [(name: String, set: GoldenSet)] {
        let committed = try XCTUnwrap(
            Bundle.module.url(forResource: "GoldenKinds", withExtension: nil)
        )
        let named = ProcessInfo.processInfo.environment["QA_KINDS"].map(URL.init(fileURLWithPath:))
        return try ([committed] + [named].compactMap { $0 }).flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
                let directory = folder.appendingPathComponent($0)
                return ("\(folder.lastPathComponent)/\($0)", GoldenSet(directory: directory))
            }
        }
    }

    func testEveryIDAndOffsetOfEveryKindEqualsPython() throws {
        let sets = try sets()
        XCTAssertGreaterThanOrEqual(sets.count, 10)
        for (name, set) in sets {
            let tokenizer = try TextTokenizer(directory: set.directory)
            let rows = try set.rows("texts.jsonl", as: GoldenText.self)
            compareTexts(rows, tokenizer, name)
        }
    }

    func testTextsAndPairsWithSpecialTokensEqualPython() throws {
        for (name, set) in try sets() {
            let tokenizer = try TextTokenizer(directory: set.directory)
            for row in try set.rows("pairs.jsonl", as: GoldenPair.self) {
                let found = tokenizer.sequence(row.first, row.second, longest: row.longest)
                XCTAssertEqual(found.ids, row.ids, name)
                XCTAssertEqual(found.typeIDs, row.types, name)
                XCTAssertEqual(found.texts, row.texts, name)
                XCTAssertEqual(found.offsets, zip(row.starts, row.ends).map { $0..<$1 }, name)
            }
        }
    }
}
