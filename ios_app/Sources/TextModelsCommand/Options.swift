/// The words of a command line: what stands alone, and `--name value`.
struct Options {
    private(set) var words: [String] = []
    private var values: [String: String] = [:]
    private var flags: Set<String> = []

    /// - Parameters:
    ///   - named: options with a value.
    ///   - flags: options without.
    /// - Throws: `UsageError`: an option that is not among them, twice, or without its value.
    init(_ arguments: [String], named: Set<String>, flags known: Set<String> = []) throws {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if !word.hasPrefix("--") {
                words.append(word)
            } else if known.contains(word) {
                flags.insert(word)
            } else if named.contains(word) {
                guard let value = rest.popFirst() else {
                    throw UsageError(reason: "\(word) needs a value")
                }
                guard values.updateValue(value, forKey: word) == nil else {
                    throw UsageError(reason: "\(word) is given twice")
                }
            } else {
                throw UsageError(reason: "unknown option \(word)")
            }
        }
    }

    subscript(_ name: String) -> String? { values[name] }

    func has(_ flag: String) -> Bool { flags.contains(flag) }

    /// A whole number of at least 1.
    func count(_ name: String, default preset: Int) throws -> Int {
        guard let text = values[name] else { return preset }
        guard let count = Int(text), count >= 1 else {
            throw UsageError(reason: "\(name) is \(text) (expected a number of at least 1)")
        }
        return count
    }

    /// The one word that stands alone.
    func onlyWord(_ what: String) throws -> String {
        guard words.count == 1 else {
            throw UsageError(reason: "expected one \(what), not \(words.count)")
        }
        return words[0]
    }
}
