/// Reads the pre-tokenizer of a tokenizer.json.
enum PreTokenizerFile {
    private typealias Reader = (FilePart) throws -> [any WordSplitter]

    private static var readers: [String: Reader] {
        [
            "BertPreTokenizer": { try simple($0, WhitespaceSplit(), PunctuationSplit()) },
            "WhitespaceSplit": { try simple($0, WhitespaceSplit()) },
            "Punctuation": punctuation, "Metaspace": metaspace, "ByteLevel": byteLevel,
            "Sequence": sequence,
        ]
    }

    /// The splitters of a part; none when it is nil or null.
    static func read(_ part: FilePart?) throws -> [any WordSplitter] {
        guard let part else { return [] }
        return try part.reader(readers)(part)
    }

    private static func sequence(_ part: FilePart) throws -> [any WordSplitter] {
        try part.allow("pretokenizers")
        return try part.parts("pretokenizers").flatMap(read)
    }

    private static func simple(
        _ part: FilePart, _ splitters: any WordSplitter...
    ) throws -> [any WordSplitter] {
        try part.allow()
        return splitters
    }

    private static func punctuation(_ part: FilePart) throws -> [any WordSplitter] {
        try part.allow("behavior")
        let behavior = part["behavior"]?.text ?? "Isolated"
        guard behavior == "Isolated" else {
            throw part.refusal("the behavior “\(behavior)” is not supported")
        }
        return [PunctuationSplit()]
    }

    private static func byteLevel(_ part: FilePart) throws -> [any WordSplitter] {
        try part.allow("add_prefix_space", "trim_offsets", "use_regex")
        return try [
            ByteLevel(
                addsPrefixSpace: part.bool("add_prefix_space"),
                isSplit: part.bool("use_regex", usual: true)
            )
        ]
    }

    /// Old files have `add_prefix_space` in place of `prepend_scheme`, or beside it.
    private static func metaspace(_ part: FilePart) throws -> [any WordSplitter] {
        try part.allow("replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep")
        let sign = try part.scalars("replacement")
        let name = part["prepend_scheme"]?.text ?? "always"
        guard sign.count == 1, let scheme = Metaspace.Scheme(rawValue: name) else {
            throw part.refusal("its replacement or its scheme “\(name)” is not supported")
        }
        let addsPrefix = try part.bool("add_prefix_space", usual: true)
        guard addsPrefix || scheme == .never else {
            throw part.refusal("“add_prefix_space” and “prepend_scheme” disagree")
        }
        return try [
            Metaspace(sign: sign[0], scheme: scheme, isSplit: part.bool("split", usual: true))
        ]
    }
}
