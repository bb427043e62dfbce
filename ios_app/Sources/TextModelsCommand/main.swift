// Time to tokenize a passage.
//
//   swift run -c release textmodels time ios_app/Tests/TextModelsTests/Golden
//   swift run -c release textmodels time ios_app/QADemo/Models/qa-mini-qa-int8 --words 300 --runs 500

import Foundation
import TextModels

let usage = """
    usage: textmodels time FOLDER [--words N] [--runs N]
    FOLDER holds tokenizer.json
    """

/// Repeated until the passage has as many words as asked for.
let prose = """
    When the harbour of Sønderby froze in the winter of 1893, the ferrymen's wives kept the lamps \
    burning on both shores so that walkers could find the path across the ice. Nobody had \
    planned it: the first lamp was Mrs. Østergaard's, hung from a broken oar, and by the third \
    night there were forty-one of them. The mayor, who disliked expense, offered to pay; they \
    declined. "A light that is paid for goes out at midnight," one said. In spring the oars went \
    back to the boats, but the custom, unlike the ice, remained, and children still count the \
    lamps tonight.
    """

struct Arguments {
    var folder: URL
    var words = 300
    var runs = 200

    init?(_ arguments: [String]) {
        guard arguments.first == "time" else { return nil }
        let arguments = arguments.dropFirst()
        guard let first = arguments.first, !first.hasPrefix("-") else { return nil }
        folder = URL(fileURLWithPath: first)
        var rest = arguments.dropFirst()
        while let option = rest.popFirst() {
            guard let value = rest.popFirst().flatMap(Int.init), value > 0 else { return nil }
            switch option {
            case "--words": words = value
            case "--runs": runs = value
            default: return nil
            }
        }
    }
}

func passage(words: Int) -> String {
    let once = prose.split(separator: " ")
    return (0..<words).map { String(once[$0 % once.count]) }.joined(separator: " ")
}

/// Milliseconds that `work` takes.
func milliseconds(_ work: () throws -> Void) rethrows -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    try work()
    return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6
}

func run(_ arguments: Arguments) throws {
    var tokenizer: BertTokenizer?
    let loading = try milliseconds { tokenizer = try BertTokenizer(directory: arguments.folder) }
    guard let tokenizer else { return }
    let text = passage(words: arguments.words)
    var tokens = 0
    let first = milliseconds { tokens = tokenizer.encode(text).count }
    let times = (0..<arguments.runs).map { _ in milliseconds { _ = tokenizer.encode(text) } }
    guard let statistics = Statistics(times) else { return }
    let characters = text.unicodeScalars.count
    print("passage      \(arguments.words) words, \(characters) characters, \(tokens) tokens")
    print(String(format: "loading      %.1f ms", loading))
    print(String(format: "first run    %.3f ms", first))
    print(String(format: "median       %.3f ms of %d runs", statistics.median, statistics.count))
    print(String(format: "p90          %.3f ms", statistics.p90))
    print(String(format: "p99          %.3f ms", statistics.p99))
}

guard let arguments = Arguments(Array(CommandLine.arguments.dropFirst())) else {
    FileHandle.standardError.write(Data((usage + "\n").utf8))
    exit(2)
}
do {
    try run(arguments)
} catch {
    FileHandle.standardError.write(Data("error: \(error.localizedDescription)\n".utf8))
    exit(2)
}
