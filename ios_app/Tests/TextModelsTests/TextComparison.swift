import XCTest

@testable import TextModels

extension XCTestCase {
    /// Compares ids and offsets of texts with Python's, and prints how many there were.
    func compareTexts(_ rows: [GoldenText], _ tokenizer: any Tokenizer, _ name: String) {
        var (tokens, differences) = (0, 0)
        for (number, row) in rows.enumerated() {
            let found = tokenizer.encode(row.text)
            let offsets = zip(row.starts, row.ends).map { $0..<$1 }
            tokens += found.count
            guard found.ids != row.ids || found.offsets != offsets else { continue }
            differences += 1
            if differences <= 3 {
                XCTFail("\(name), text \(number): \(firstDifference(found, row))")
            }
        }
        XCTAssertFalse(rows.isEmpty)
        XCTAssertEqual(differences, 0)
        print("parity \(name): \(rows.count) texts, \(tokens) tokens, "
            + "\(differences) texts differ")
    }

    private func firstDifference(_ found: Encoding, _ row: GoldenText) -> String {
        let count = min(found.count, row.ids.count)
        let index = (0..<count).first {
            found.ids[$0] != row.ids[$0] || found.offsets[$0] != row.starts[$0]..<row.ends[$0]
        } ?? count
        let here = index < found.count
            ? "\(found.ids[index]) at \(found.offsets[index])" : "nothing"
        guard index < row.ids.count else { return "token \(index): \(here), Python has nothing" }
        let range = row.starts[index]..<row.ends[index]
        let scalars = Array(row.text.unicodeScalars)[range].map { String($0.value, radix: 16) }
        return "token \(index): \(here), Python has \(row.ids[index]) at \(range) \(scalars)"
    }
}
