import XCTest

@testable import TextModels

/// A folder as the exporter writes it, in a temporary place.
final class ModelFolder {
    let directory: URL

    static let settings = """
        {"format_version": 1, "name": "tiny", "package": "tiny.mlpackage", "task": "qa",
         "lengths": [16, 32], "inputs": ["input_ids", "attention_mask"],
         "outputs": ["start_logits", "end_logits"],
         "special_ids": {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}, "lower_case": true,
         "max_question_length": 8, "doc_stride": 4, "max_answer_length": 5, "labels": [],
         "hidden_size": 8, "quantization": "int8", "layout": "ane", "target": "iOS17",
         "random_weights": false, "tokenizer_sha256": "", "source": "tiny"}
        """

    init(settings: String = ModelFolder.settings) throws {
        directory = FileManager.default.temporaryDirectory
            .appendingPathComponent(UUID().uuidString).appendingPathComponent("tiny-int8")
        let package = directory.appendingPathComponent("tiny.mlpackage")
        try FileManager.default.createDirectory(at: package, withIntermediateDirectories: true)
        let golden = try GoldenSet.committed()
        for name in ["tokenizer.json", "vocab.txt"] {
            try golden.data(name).write(to: directory.appendingPathComponent(name))
        }
        try Data(settings.utf8).write(to: directory.appendingPathComponent("model.json"))
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(at: directory.appendingPathComponent(name))
    }

    deinit { try? FileManager.default.removeItem(at: directory.deletingLastPathComponent()) }
}

final class ModelFilesTests: XCTestCase {
    func testReadsWhatTheExporterWrites() throws {
        let folder = try ModelFolder()
        let bundle = try ModelBundle(directory: folder.directory)
        XCTAssertEqual(bundle.id, "tiny-int8")
        XCTAssertEqual(bundle.title, "tiny-int8 (int8, ane)")
        XCTAssertEqual(bundle.settings.specialIDs.sep, 3)
        XCTAssertEqual(bundle.settings.lengths.map { bundle.settings.bucket(for: $0) }, [16, 32])
        XCTAssertEqual(bundle.settings.bucket(for: 17), 32)
        XCTAssertNil(bundle.settings.bucket(for: 33))
        XCTAssertEqual(try bundle.tokenizer().id(of: "[SEP]"), 3)
    }

    /// The golden set with a real vocabulary holds what the exporter really writes.
    func testFilesOfTheExporterAgreeWithEachOther() throws {
        let sets = try GoldenSet.all().filter { (try? $0.data("model.json")) != nil }
        for set in sets {
            let settings = try ModelSettings(directory: set.directory)
            let tokenizer = try BertTokenizer(directory: set.directory)
            XCTAssertEqual(settings.specialIDs.pad, tokenizer.wordPiece.id(of: "[PAD]"))
            XCTAssertEqual(settings.specialIDs.cls, tokenizer.wordPiece.id(of: "[CLS]"))
            XCTAssertEqual(settings.specialIDs.sep, tokenizer.wordPiece.id(of: "[SEP]"))
            XCTAssertEqual(settings.lengths, [128, 256, 384])
            XCTAssertEqual(
                try ModelInput(filled: 128, settings: settings).values(named: settings.inputs[0]).count, 128
            )
        }
        XCTAssertEqual(sets.count, try GoldenSet.all().count - 1)
    }

    func testMissingFilesAreNamed() throws {
        for name in ["model.json", "tiny.mlpackage", "vocab.txt", "tokenizer.json"] {
            let folder = try ModelFolder()
            try folder.remove(name)
            XCTAssertThrowsError(try ModelBundle(directory: folder.directory).tokenizer()) {
                XCTAssertEqual($0 as? TextModelsError, .missingFile(name))
            }
        }
    }

    func testWrongSettingsAreRefusedInWords() throws {
        for (part, other, words) in [
            ("\"format_version\": 1", "\"format_version\": 3", "its format is 3, this app reads 1"),
            ("[16, 32]", "[16, 1099511627776]", "“lengths” is 1099511627776 (expected 1 to"),
            ("\"max_answer_length\": 5", "\"max_answer_length\": 9223372036854775807", "expected 1"),
            ("\"max_answer_length\": 5", "\"max_answer_length\": 1e30", "is out of range"),
            ("\"cls\": 2", "\"cls\": 99999999999", "is out of range"),
            ("tiny.mlpackage", "../tiny.mlpackage", "is not a file name"),
            ("\"labels\"", "\"functions\": {\"16\": \"length_16\"}, \"labels\"", "its functions"),
            ("\"labels\"", "\"pair_separators\": 3, \"labels\"", "“pair_separators” is 3"),
            ("[16, 32]", "[]", "names no lengths"),
            ("\"doc_stride\": 4", "\"doc_stride\": 0", "“doc_stride” is 0"),
            ("\"doc_stride\": 4", "\"doc_stride\": \"4\"", "“doc_stride” has the wrong type"),
            ("\"lengths\": [16, 32],", "", "“lengths” is missing"),
            ("{\"format", "{format", "it is not JSON"),
        ] {
            let settings = ModelFolder.settings.replacingOccurrences(of: part, with: other)
            let folder = try ModelFolder(settings: settings)
            XCTAssertThrowsError(try ModelBundle(directory: folder.directory)) {
                XCTAssertTrue($0.localizedDescription.contains(words), $0.localizedDescription)
            }
        }
    }

    func testSettingsOfVersion2AreRead() throws {
        let text = ModelFolder.settings
            .replacingOccurrences(of: "\"format_version\": 1", with: "\"format_version\": 2")
            .replacingOccurrences(of: "\"labels\": []", with: """
                "functions": {"16": "length_16", "32": "length_32"}, "pair_separators": 2,
                "formats": {"coreml": {"file": "tiny.mlpackage", "bytes": 7, "minimum": "iOS18"}},
                "tokenizer": "bpe", "no_answer_threshold": -1.5, "labels": ["NO", "YES"],
                "problem_type": "single_label_classification", "activation": "softmax",
                "hidden_dropout": 0
                """)
        let settings = try ModelSettings(json: Data(text.utf8))
        XCTAssertEqual(settings.function(for: 32), "length_32")
        XCTAssertEqual(settings.formats["coreml"]?.bytes, 7)
        XCTAssertEqual(settings.noAnswerThreshold, -1.5)
        XCTAssertEqual(settings.labels, ["NO", "YES"])
        let old = try ModelSettings(json: Data(ModelFolder.settings.utf8))
        XCTAssertEqual(old.functions, [:])
        XCTAssertNil(old.noAnswerThreshold)
        XCTAssertEqual([old.tokenizer, String(old.pairSeparators)], ["wordpiece", "1"])
    }

    func testSpecialIDsThatTheTokenizerDoesNotHaveAreFound() throws {
        let wrong = ModelFolder.settings.replacingOccurrences(of: "\"cls\": 2", with: "\"cls\": 77")
        let folder = try ModelFolder(settings: wrong)
        XCTAssertThrowsError(try ModelBundle(directory: folder.directory).tokenizer()) {
            XCTAssertTrue($0.localizedDescription.contains("special_ids.cls"), "\($0)")
        }
    }

    /// Version 2 says which tokenizer.json it was exported with, of which kind, and how it joins.
    func testTokenizerThatIsNotThatOfModelJSONIsRefused() throws {
        let digest = SHA256.hexadecimal(try GoldenSet.committed().data("tokenizer.json"))
        let settings = ModelFolder.settings
            .replacingOccurrences(of: "\"format_version\": 1", with: "\"format_version\": 2")
            .replacingOccurrences(
                of: "\"tokenizer_sha256\": \"\"", with: "\"tokenizer_sha256\": \"\(digest)\""
            )
        let good = try ModelFolder(settings: settings)
        XCTAssertNotNil(try ModelBundle(directory: good.directory).tokenizer().id(of: "[CLS]"))
        for (part, other, words) in [
            (digest, String(digest.reversed()), "not the file that the model was exported with"),
            ("\"labels\"", "\"tokenizer\": \"bpe\", \"labels\"", "“tokenizer” is bpe, but"),
            ("\"labels\"", "\"pair_separators\": 2, \"labels\"", "“pair_separators” are not"),
            ("\"sep\": 3", "\"sep\": 4", "“special_ids” and “pair_separators” are not"),
            ("\"pad\": 0", "\"pad\": 40", "“special_ids.pad” is 40"),
        ] {
            let folder = try ModelFolder(
                settings: settings.replacingOccurrences(of: part, with: other)
            )
            XCTAssertThrowsError(try ModelBundle(directory: folder.directory).tokenizer()) {
                XCTAssertTrue($0.localizedDescription.contains(words), $0.localizedDescription)
            }
        }
    }

    func testVocabularyOfTokenizerJSONIsEnoughAndVocabTxtMustAgree() throws {
        let golden = try GoldenSet.committed()
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        let small = special.enumerated().map { "\"\($1)\": \($0), " }.joined()
            + "\"\u{e9}\": 5, \"e\u{301}\": 6, \"\\u00e9x\": 7"
        let file = String(decoding: try golden.data("tokenizer.json"), as: UTF8.self)
            .replacingOccurrences(of: "\"vocab\": {}", with: "\"vocab\": {\(small)}")
        let tokenizer = try BertTokenizer(tokenizerJSON: Data(file.utf8))
        XCTAssertEqual(
            ["\u{e9}", "e\u{301}", "\u{e9}x"].map(tokenizer.wordPiece.id), [5, 6, 7]
        )
        let agreeing = Data((special + ["\u{e9}", "e\u{301}", "\u{e9}x", ""]).joined(separator: "\n").utf8)
        _ = try BertTokenizer(tokenizerJSON: Data(file.utf8), vocabulary: agreeing)
        let other = Data((special + ["e\u{301}", "\u{e9}", "\u{e9}x", ""]).joined(separator: "\n").utf8)
        XCTAssertThrowsError(
            try BertTokenizer(tokenizerJSON: Data(file.utf8), vocabulary: other)
        ) { XCTAssertTrue($0.localizedDescription.contains("disagree"), "\($0)") }
    }

    func testLibraryKeepsTheGoodAndNamesTheBad() throws {
        let good = try ModelFolder()
        let models = good.directory.deletingLastPathComponent()
        try FileManager.default.createDirectory(
            at: models.appendingPathComponent("empty"), withIntermediateDirectories: true
        )
        try Data().write(to: models.appendingPathComponent("README.md"))
        let library = ModelLibrary(directory: models)
        XCTAssertEqual(library.bundles.map(\.id), ["tiny-int8"])
        XCTAssertEqual(library.problems.map(\.name), ["empty"])
        XCTAssertTrue(library.problems[0].reason.contains("model.json"))
        let others = ModelLibrary(directory: models, task: "embed")
        XCTAssertEqual(others.problems.map(\.name), ["empty", "tiny-int8"])
        XCTAssertTrue(others.problems[1].reason.contains("for the task “qa” (expected “embed”)"))
        let nowhere = models.appendingPathComponent("none")
        XCTAssertTrue(ModelLibrary(directory: nowhere).bundles.isEmpty)
    }

    func testFingerprintIsStableAndTellsContentApart() {
        XCTAssertEqual(Fingerprint.of(Data()), "cbf29ce484222325")
        XCTAssertEqual(Fingerprint.of(Data("a".utf8)), "af63dc4c8601ec8c")
        XCTAssertNotEqual(Fingerprint.of(Data("ab".utf8)), Fingerprint.of(Data("ba".utf8)))
    }
}
