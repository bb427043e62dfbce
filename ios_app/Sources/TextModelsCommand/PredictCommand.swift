import Foundation
import TextModels

/// What a bundle says of a text, in the words of its task; the options are those of Python's
/// `export.predict`.
let predictCommand = Command(usage: """
    textmodels predict BUNDLE --text|--question TEXT|FILE|- [--passage TEXT|FILE|-]
               [--n-best N] [--zero-shot LABEL,LABEL] [--requests FILE]
               [--json] [--save-json FILE]
               [--runtime coreml|coreai|onnx] [--graphs FOLDER] [--library FILE]
    """) { arguments in
    let options = try Options(arguments, named: PredictOptions.named, flags: ["--json"])
    let folder = URL(fileURLWithPath: try options.onlyWord("bundle"))
    let requests = try PredictOptions.requests(options)
    let bundle = try ModelBundle(directory: folder)
    let tokenizer = try bundle.tokenizer()
    let predictor = try await Runtime.open(bundle, options)
    var kept = ""
    for request in requests {
        let answer = try await TextTask.answer(
            request, tokenizer: tokenizer, predictor: predictor
        )
        kept += try answer.json() + "\n"
        if options.has("--json") {
            print(try answer.json())
        } else {
            print(answer.lines.joined(separator: "\n"))
            print(String(
                format: "%.0f ms in the package, %.1f ms for the text",
                answer.inferenceMilliseconds, answer.tokenizationMilliseconds
            ))
        }
    }
    if let file = options["--save-json"] {
        try Data(kept.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
    }
}

private enum PredictOptions {
    static let named: Set = [
        "--text", "--question", "--passage", "--n-best", "--zero-shot", "--requests",
        "--save-json", "--runtime", "--graphs", "--library",
    ]

    /// The one that the options say, or those of the file that `--requests` names: a line of JSON
    /// each, with `text` and, where needed, `passage`, `n_best` and `zero_shot`.
    static func requests(_ options: Options) throws -> [TaskRequest] {
        if let file = options["--requests"] {
            return try lines(of: URL(fileURLWithPath: file))
        }
        guard options["--text"] == nil || options["--question"] == nil else {
            throw UsageError(reason: "--question is another name of --text; give one of them")
        }
        guard let text = options["--text"] ?? options["--question"] else {
            throw UsageError(reason: "--text is missing")
        }
        let labels = (options["--zero-shot"] ?? "").split(separator: ",")
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        return [
            TaskRequest(
                text: try content(of: text).trimmingCharacters(in: .whitespacesAndNewlines),
                passage: try options["--passage"].map(content),
                nBest: try options.count("--n-best", default: 1),
                zeroShot: labels
            ),
        ]
    }

    private static func lines(of file: URL) throws -> [TaskRequest] {
        let data = try Data(contentsOf: file)
        return try data.split(separator: UInt8(ascii: "\n")).enumerated().map { number, line in
            do {
                return try JSONDecoder().decode(TaskRequest.self, from: line)
            } catch {
                throw TextModelsError.badFile(
                    name: file.lastPathComponent, reason: "line \(number + 1) is no request"
                )
            }
        }
    }

    /// The text itself, the content of the file that it names, or standard input for `-`.
    private static func content(of source: String) throws -> String {
        let data: Data
        if source == "-" {
            data = FileHandle.standardInput.readDataToEndOfFile()
        } else if source.utf8.count < 1024, FileManager.default.fileExists(atPath: source) {
            data = try Data(contentsOf: URL(fileURLWithPath: source))
        } else {
            return source
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw TextModelsError.badFile(name: source, reason: "it is not UTF-8 text")
        }
        return text
    }
}
