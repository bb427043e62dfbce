import XCTest

@testable import TextModels

/// What of a tokenizer.json is refused, and by which words.
final class TokenizerFileTests: XCTestCase {
    private func content(_ kind: String) throws -> String {
        let folder = try XCTUnwrap(Bundle.module.url(forResource: "GoldenKinds", withExtension: nil))
        let file = folder.appendingPathComponent(kind).appendingPathComponent("tokenizer.json")
        return try String(contentsOf: file, encoding: .utf8)
    }

    func testWhatIsNotServedIsRefusedByItsName() throws {
        for (kind, part, other, words) in [
            ("roberta", "\"dropout\":null", "\"dropout\":0.1", "“BPE”: “dropout” with this value"),
            ("roberta", "\"byte_fallback\":false", "\"byte_fallback\":true", "“byte_fallback” with"),
            ("roberta", "\"end_of_word_suffix\":\"\"", "\"end_of_word_suffix\":\"</w>\"", "“end_of"),
            ("roberta", "\"type\":\"BPE\"", "\"type\":\"WordLevel\"", "its model is “WordLevel”"),
            ("roberta", "\"use_regex\":true", "\"use_regexp\":true", "“use_regexp” is not supported"),
            ("roberta", "\"pre_tokenizer\":{", "\"pre_tokenizer\":{\"x\":1,", "“ByteLevel”: “x” is not"),
            ("roberta", "\"RobertaProcessing\"", "\"Other\"", "post_processor is “Other”"),
            ("roberta", "\"truncation\":null", "\"truncation\":{\"max_length\":8}", "sets truncation"),
            ("roberta", "\"version\"", "\"edition\"", "“edition” is not supported"),
            ("roberta", "\"model\":{", "\"model\":{\"vocab\":{\"a\":-1},", "no whole number"),
            ("roberta", "\"id\":3,", "\"id\":33,", "<unk> has the id 33, where the library gives 3"),
            ("roberta", "[\"\\u0120\",\"t\"]", "[\"\\u0120\",\"t\",\"h\"]", "a merge cannot be read"),
            ("roberta", "[\"\\u0120\",\"t\"]", "[\"\\u0120\",\"\\u0120?\"]", "it has no “Ġ?”"),
            ("xlm-roberta", "\"byte_fallback\":false", "\"byte_fallback\":true", "“Unigram”: “byte_"),
            ("xlm-roberta", "\"unk_id\":3", "\"unk_id\":30000", "“unk_id” is no entry"),
            ("xlm-roberta", "\"unk_id\":3", "\"unk_id\":null", "“unk_id” is no entry"),
            ("xlm-roberta", "\"WhitespaceSplit\"", "\"Digits\"", "pre_tokenizer is “Digits”"),
            ("xlm-roberta", "\"prepend_scheme\":\"always\"", "\"prepend_scheme\":\"last\"", "“last”"),
            ("xlm-roberta", "_charsmap\":\"", "_charsmap\":\"AAAA", "“precompiled_charsmap” is broken"),
            ("deberta-v2", "\"Isolated\"", "\"Removed\"", "the behavior “Removed”"),
            ("deberta-v2", "\\\\s{2,}|", "\\\\d{2,}|", "the pattern “\\d{2,}|[\\n\\r\\t]”"),
            ("albert", "\"StripAccents\"", "\"Nmt\"", "its normalizer is “Nmt”"),
            ("modernbert", "\"TemplateProcessing\"", "\"Sequence\"", "“single” is not supported"),
            ("modernbert", "\"id\":\"A\"", "\"id\":\"C\"", "its template cannot be read"),
            ("modernbert", "\"lstrip\":true", "\"lstrip\":1", "an entry of added_tokens"),
        ] {
            let good = try content(kind)
            XCTAssertTrue(good.contains(part), "\(kind): \(part)")
            let bad = Data(good.replacingOccurrences(of: part, with: other).utf8)
            XCTAssertThrowsError(try TextTokenizer(tokenizerJSON: bad), "\(kind): \(other)") {
                XCTAssertTrue($0.localizedDescription.contains(words), $0.localizedDescription)
            }
        }
    }

    func testVocabTxtOfAnyKindMustAgree() throws {
        let file = Data(try content("xlm-roberta").utf8)
        let tokenizer = try TextTokenizer(tokenizerJSON: file)
        let pieces = try XCTUnwrap(
            try JSONValue(file, name: "")["model"]?["vocab"]?.elements
        ).compactMap { $0.elements?.first?.text }
        let lines = pieces.map { $0 + "\n" }.joined()
        let same = try TextTokenizer(tokenizerJSON: file, vocabulary: Data(lines.utf8))
        XCTAssertEqual(same.encode("a text"), tokenizer.encode("a text"))
        for wrong in [lines + "more\n", String(lines.dropFirst())] {
            XCTAssertThrowsError(
                try TextTokenizer(tokenizerJSON: file, vocabulary: Data(wrong.utf8))
            ) { XCTAssertTrue($0.localizedDescription.contains("disagree"), "\($0)") }
        }
    }

    /// hashlib.sha256(b"a" * n).hexdigest()
    func testDigestsAreThoseOfPython() {
        for (count, digest) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
            (56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
            (1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
        ] {
            XCTAssertEqual(SHA256.hexadecimal(Data(repeating: 0x61, count: count)), digest)
        }
    }

    /// Scores as `tokenizers` reads them: json.loads(Tokenizer.from_str(text).to_str()).
    func testNumbersAreReadAsTheLibraryReadsThem() throws {
        for (text, value) in [
            ("-11.756978988647461", -11.75697898864746), ("-9.275534950129975", -9.275534950129977),
            ("0.1", 0.1), ("-0.0", 0), ("5", 5), ("1e3", 1000), ("-2.5E-3", -0.0025),
            ("12345678901234567890123.5", 1.2345678901234568e22),
        ] {
            XCTAssertEqual(try JSONValue(Data(text.utf8), name: "").number, value, text)
        }
    }
}
