import Foundation
import TextModels

/// Whether a bundle gives here what the exporter's simulator gave, for the inputs that model.json
/// keeps.
let checkCommand = Command(usage: """
    textmodels check BUNDLE [--runtime coreml|coreai|onnx] [--graphs FOLDER] [--library FILE]
    """) { arguments in
    let options = try Options(arguments, named: ["--runtime", "--graphs", "--library"])
    let folder = URL(fileURLWithPath: try options.onlyWord("bundle"))
    let bundle = try ModelBundle(directory: folder)
    _ = try bundle.tokenizer()
    let predictor = try await Runtime.open(bundle, options)
    guard let checks = try await ModelChecks(running: predictor) else {
        throw TextModelsError.badFile(name: "model.json", reason: "it holds no checks")
    }
    guard checks.passed else { throw TextModelsError.wrongModel(checks.summary) }
    print(checks.summary)
}
