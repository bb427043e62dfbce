import XCTest

@testable import QuestionAnswering

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
        XCTAssertEqual(try bundle.tokenizer().wordPiece.id(of: "[SEP]"), 3)
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
            XCTAssertNotNil(ModelInput(filled: 128, settings: settings).values(named: settings.inputs[0]))
        }
        XCTAssertEqual(sets.count, try GoldenSet.all().count - 1)
    }

    func testMissingFilesAreNamed() throws {
        for name in ["model.json", "tiny.mlpackage", "vocab.txt", "tokenizer.json"] {
            let folder = try ModelFolder()
            try folder.remove(name)
            XCTAssertThrowsError(try ModelBundle(directory: folder.directory).tokenizer()) {
                XCTAssertEqual($0 as? QuestionAnsweringError, .missingFile(name))
            }
        }
    }

    func testWrongSettingsAreRefusedInWords() throws {
        for (part, other, words) in [
            ("\"qa\"", "\"embed\"", "was exported for the task “embed”"),
            ("\"format_version\": 1", "\"format_version\": 2", "its format is 2, this app reads 1"),
            ("[16, 32]", "[]", "names no lengths"),
            ("\"doc_stride\": 4", "\"doc_stride\": 0", "not above 0"),
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
        let nowhere = models.appendingPathComponent("none")
        XCTAssertTrue(ModelLibrary(directory: nowhere).bundles.isEmpty)
    }

    func testFingerprintIsStableAndTellsContentApart() {
        XCTAssertEqual(Fingerprint.of(Data()), "cbf29ce484222325")
        XCTAssertEqual(Fingerprint.of(Data("a".utf8)), "af63dc4c8601ec8c")
        XCTAssertNotEqual(Fingerprint.of(Data("ab".utf8)), Fingerprint.of(Data("ba".utf8)))
    }
}
