import Foundation
import TextModels

/// Time to tokenize a passage, on any machine with Swift.
let timeCommand = Command(usage: "textmodels time FOLDER [--words N] [--runs N]") { arguments in
    let options = try Options(arguments, named: ["--words", "--runs"])
    let folder = URL(fileURLWithPath: try options.onlyWord("folder with tokenizer.json"))
    let words = try options.count("--words", default: 300)
    let runs = try options.count("--runs", default: 200)
    var tokenizer: (any Tokenizer)?
    let loading = try milliseconds { tokenizer = try TextTokenizer(directory: folder) }
    guard let tokenizer else { return }
    let text = passage(words: words)
    var tokens = 0
    let first = milliseconds { tokens = tokenizer.encode(text).count }
    let times = (0..<runs).map { _ in milliseconds { _ = tokenizer.encode(text) } }
    guard let statistics = Statistics(times) else { return }
    let characters = text.unicodeScalars.count
    print("passage      \(words) words, \(characters) characters, \(tokens) tokens")
    print(String(format: "loading      %.1f ms", loading))
    print(String(format: "first run    %.3f ms", first))
    print(String(format: "median       %.3f ms of %d runs", statistics.median, statistics.count))
    print(String(format: "p90          %.3f ms", statistics.p90))
    print(String(format: "p99          %.3f ms", statistics.p99))
}

/// Repeated until the passage has as many words as asked for.
private let prose = """
    When the harbour of Sønderby froze in the winter of 1893, the ferrymen's wives kept the lamps \
    burning on both shores so that walkers could find the path across the ice. Nobody had \
    planned it: the first lamp was Mrs. Østergaard's, hung from a broken oar, and by the third \
    night there were forty-one of them. The mayor, who disliked expense, offered to pay; they \
    declined. "A light that is paid for goes out at midnight," one said. In spring the oars went \
    back to the boats, but the custom, unlike the ice, remained, and children still count the \
    lamps tonight.
    """

private func passage(words: Int) -> String {
    let once = prose.split(separator: " ")
    return (0..<words).map { String(once[$0 % once.count]) }.joined(separator: " ")
}

/// Milliseconds that `work` takes.
private func milliseconds(_ work: () throws -> Void) rethrows -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    try work()
    return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6
}
