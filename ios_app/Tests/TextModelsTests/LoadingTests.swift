import XCTest

@testable import TextModels

/// Gives the outputs that are set, whatever it is asked.
private struct FixedPredictor: ModelPredictor {
    let settings: ModelSettings
    var outputs: [String: [Float]]

    func predict(_ input: ModelInput) async throws -> ModelOutputs {
        ModelOutputs(
            tensors: outputs.mapValues { Tensor(shape: [1, $0.count], scalars: $0) },
            milliseconds: 1
        )
    }
}

final class LoadingTests: XCTestCase {
    /// model.json with a Core AI file beside the Core ML one.
    private static let both = ModelFolder.settings.replacingOccurrences(
        of: "\"labels\"", with: """
            "formats": {
              "coreml": {"file": "tiny.mlpackage", "bytes": 1, "minimum": "iOS18"},
              "coreai": {"file": "tiny.aimodel", "bytes": 1, "minimum": "iOS27"}
            }, "labels"
            """
    )

    private static func checks(_ content: String) -> String {
        let sixteen = { (number: Int) in "[\(Array(repeating: "\(number)", count: 16).joined(separator: ","))]" }
        let inputs = "{\"input_ids\": \(sixteen(3)), \"attention_mask\": \(sixteen(1))}"
        let check = content.replacingOccurrences(of: "INPUTS", with: inputs)
        return ModelFolder.settings.replacingOccurrences(
            of: "\"labels\"", with: "\"checks\": [\(check)], \"labels\""
        )
    }

    private static let check = """
        {"length": 16, "inputs": INPUTS, "outputs": {"start_logits": [4, -8], "end_logits": [1]}}
        """

    func testTheNewestFrameworkThatCanRunsABundle() throws {
        let folder = try folderWithBoth()
        let bundle = try ModelBundle(directory: folder.directory)
        let choose = { (system: Int, built: [Framework], wanted: Framework?) in
            try Framework.choose(
                for: bundle, on: SystemRelease(iOS: system), built: built, wanted: wanted
            )
        }
        XCTAssertEqual(try choose(27, [.coreML, .coreAI], nil), .coreAI)
        XCTAssertEqual(try choose(26, [.coreML, .coreAI], nil), .coreML)
        XCTAssertEqual(try choose(27, [.coreML], nil), .coreML)
        XCTAssertEqual(try choose(27, [.coreML, .coreAI], .coreML), .coreML)
        for (system, built, wanted, words) in [
            (17, [Framework.coreML, .coreAI], nil, "Core AI needs iOS27; Core ML needs iOS18"),
            (26, [.coreML, .coreAI], .coreAI, "Core AI needs iOS27"),
            (27, [.coreML], Framework.coreAI, "this app was built without Core AI"),
        ] {
            XCTAssertThrowsError(try choose(system, built, wanted)) {
                XCTAssertTrue($0.localizedDescription.contains(words), $0.localizedDescription)
            }
        }
    }

    func testAFileThatTheFolderDoesNotHoldIsNotChosen() throws {
        let folder = try folderWithBoth()
        try folder.remove("tiny.aimodel")
        let bundle = try ModelBundle(directory: folder.directory)
        XCTAssertNil(bundle.url(for: .coreAI))
        let system = SystemRelease(iOS: 27)
        XCTAssertEqual(try Framework.choose(for: bundle, on: system, built: [.coreML, .coreAI]), .coreML)
        try folder.remove("tiny.mlpackage")
        XCTAssertThrowsError(try ModelBundle(directory: folder.directory)) {
            XCTAssertTrue($0.localizedDescription.contains("tiny.aimodel or tiny.mlpackage"))
        }
    }

    func testReleasesOfBothSystemsAreCompared() {
        XCTAssertEqual(SystemRelease("iOS18"), SystemRelease("macOS15"))
        XCTAssertEqual(SystemRelease("iOS27"), SystemRelease("macOS27"))
        XCTAssertLessThan(SystemRelease(macOS: 15), SystemRelease(iOS: 26))
        for text in ["", "iOS", "iOS0", "18", "iOS18.1", "tvOS18", "iOS-18", "iOS99999999999999999999"] {
            XCTAssertNil(SystemRelease(text), text)
        }
    }

    func testChecksPassFailOrAreNotThere() async throws {
        let settings = try ModelSettings(json: Data(Self.checks(Self.check).utf8))
        for (start, end, difference, passed) in [
            ([4, -8, 99], [1], 0, true),
            ([4, -7.7], [1], 0.0375, true),
            ([4, -7], [1], 0.125, false),
            ([4], [1], nil, false),
            ([4, .nan], [1], nil, false),
            ([4, -8], nil, nil, false),
        ] as [([Float], [Float]?, Double?, Bool)] {
            var outputs = ["start_logits": start]
            outputs["end_logits"] = end
            let predictor = FixedPredictor(settings: settings, outputs: outputs)
            let run = try await ModelChecks(running: predictor)
            let checks = try XCTUnwrap(run)
            XCTAssertEqual(checks.passed, passed)
            XCTAssertEqual(checks.count, 1)
            if let difference {
                XCTAssertEqual(try XCTUnwrap(checks.difference), difference, accuracy: 1e-6)
            } else {
                XCTAssertNil(checks.difference)
            }
            XCTAssertTrue(checks.summary.hasPrefix(passed ? "passed" : "failed"))
        }
        // An asset of Core AI is rounded otherwise.
        let other = FixedPredictor(
            settings: settings, outputs: ["start_logits": [4, -7.4], "end_logits": [1]]
        )
        let coreAI = try await ModelChecks(running: other, on: .coreAI)
        XCTAssertEqual(coreAI?.passed, true)
        let coreML = try await ModelChecks(running: other)
        XCTAssertEqual(coreML?.passed, false)
        XCTAssertNil(Framework.coreAI.tolerance(of: "int4"))
        XCTAssertEqual(Framework.coreML.tolerance(of: "int4"), 0.05)
        let without = try ModelSettings(json: Data(ModelFolder.settings.utf8))
        let none = try await ModelChecks(running: FixedPredictor(settings: without, outputs: [:]))
        XCTAssertNil(none)
    }

    func testChecksThatCannotBeAreRefused() throws {
        _ = try ModelSettings(json: Data(Self.checks(Self.check).utf8))
        for (part, other, words) in [
            ("\"length\": 16", "\"length\": 8", "length 8"),
            ("\"length\": 16", "\"length\": 32", "other inputs"),
            ("\"start_logits\": [4", "\"other\": [4", "other outputs"),
            ("[4, -8]", "[]", "other outputs"),
            ("[3,3", "[-1,3", "other inputs"),
            ("\"attention_mask\": [", "\"mask\": [", "other inputs"),
        ] {
            let text = Self.checks(Self.check).replacingOccurrences(of: part, with: other)
            XCTAssertNotEqual(text, Self.checks(Self.check), part)
            XCTAssertThrowsError(try ModelSettings(json: Data(text.utf8)), part) {
                XCTAssertTrue($0.localizedDescription.contains(words), $0.localizedDescription)
            }
        }
    }

    func testLoaderTakesTheChosenFrameworkAndRunsTheChecks() async throws {
        let folder = try ModelFolder(settings: Self.checks(Self.check))
        let bundle = try ModelBundle(directory: folder.directory)
        let never = FrameworkLoader(.coreAI) { _, _, _ in throw CancellationError() }
        let coreML = FrameworkLoader(.coreML) { bundle, options, report in
            await report(.loading)
            return LoadedModel(
                predictor: FixedPredictor(
                    settings: bundle.settings,
                    outputs: ["start_logits": [4, options.computeUnit == .cpu ? -8 : 8], "end_logits": [1]]
                ),
                framework: .coreML, preparationMilliseconds: nil, loadMilliseconds: 1, bytes: 1
            )
        }
        let loader = ModelLoader([never, coreML, nil], on: SystemRelease(iOS: 27))
        let right = try await loader.load(bundle, LoadOptions(computeUnit: .cpu))
        XCTAssertEqual(right.checks?.passed, true)
        let wrong = try await loader.load(bundle)
        XCTAssertEqual(wrong.checks?.passed, false)
        let unchecked = try await loader.load(bundle, checking: false)
        XCTAssertNil(unchecked.checks)
    }

    private func folderWithBoth() throws -> ModelFolder {
        let folder = try ModelFolder(settings: Self.both)
        try FileManager.default.createDirectory(
            at: folder.directory.appendingPathComponent("tiny.aimodel"),
            withIntermediateDirectories: true
        )
        return folder
    }
}
