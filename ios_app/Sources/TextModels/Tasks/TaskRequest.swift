/// What a bundle of any task is asked; the names are those of Python's `predict`.
public struct TaskRequest: Codable, Equatable, Sendable {
    /// For question answering the question, for ranking the query.
    public var text: String
    /// For question answering the passage, for ranking and embedding one candidate a line, for
    /// classification the second text of a pair.
    public var passage: String?
    /// Answers, at most.
    public var nBest: Int
    /// Labels in words, for a classifier that was trained on entailment.
    public var zeroShot: [String]

    enum CodingKeys: String, CodingKey {
        case text, passage
        case nBest = "n_best"
        case zeroShot = "zero_shot"
    }

    public init(
        text: String, passage: String? = nil, nBest: Int = 1, zeroShot: [String] = []
    ) {
        self.text = text
        self.passage = passage
        self.nBest = max(nBest, 1)
        self.zeroShot = zeroShot
    }

    public init(from decoder: any Decoder) throws {
        let row = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            text: try row.decode(String.self, forKey: .text),
            passage: try row.decodeIfPresent(String.self, forKey: .passage),
            nBest: try row.decodeIfPresent(Int.self, forKey: .nBest) ?? 1,
            zeroShot: try row.decodeIfPresent([String].self, forKey: .zeroShot) ?? []
        )
    }

    /// The lines of the second text that hold something, without space around them.
    var candidates: [String] {
        let scalars = (passage ?? "").unicodeScalars
        return scalars.split(whereSeparator: Self.breaksLine).map { line in
            let line = line.drop(while: \.isPythonSpace)
            guard let end = line.lastIndex(where: { !$0.isPythonSpace }) else { return "" }
            return String(String.UnicodeScalarView(line[...end]))
        }.filter { !$0.isEmpty }
    }

    /// As Python's `splitlines`.
    private static func breaksLine(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0a...0x0d, 0x1c...0x1e, 0x85, 0x2028, 0x2029: return true
        default: return false
        }
    }
}

extension Unicode.Scalar {
    /// As Python's `isspace`; Foundation's set of white space has U+200B too.
    var isPythonSpace: Bool { properties.isWhitespace || (0x1c...0x1f).contains(value) }
}
