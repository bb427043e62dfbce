/// What a post-processor of tokenizer.json says: how texts are joined, and whether offsets are trimmed.
struct PostProcessor {
    var template: TextTemplate?
    var trim: OffsetTrim?

    private typealias Reader = (FilePart) throws -> PostProcessor

    private static var readers: [String: Reader] {
        [
            "TemplateProcessing": template, "RobertaProcessing": roberta, "BertProcessing": bert,
            "ByteLevel": byteLevel, "Sequence": sequence,
        ]
    }

    /// - Parameter part: nil or null: texts are joined as they are.
    static func read(_ part: FilePart?) throws -> PostProcessor {
        guard let part else { return PostProcessor() }
        return try part.reader(readers)(part)
    }

    private static func bert(_ part: FilePart) throws -> PostProcessor {
        try part.allow("sep", "cls")
        let (start, end) = try (part.token("cls"), part.token("sep"))
        return PostProcessor(template: .classAndSeparator(start, end))
    }

    private static func roberta(_ part: FilePart) throws -> PostProcessor {
        try part.allow("sep", "cls", "trim_offsets", "add_prefix_space")
        let (start, end) = try (part.token("cls"), part.token("sep"))
        return try PostProcessor(
            template: .classAndSeparator(start, end, separators: 2, secondType: 0),
            trim: trim(part)
        )
    }

    private static func byteLevel(_ part: FilePart) throws -> PostProcessor {
        try part.allow("add_prefix_space", "trim_offsets", "use_regex")
        return try PostProcessor(trim: trim(part))
    }

    private static func trim(_ part: FilePart) throws -> OffsetTrim? {
        try part.bool("trim_offsets")
            ? OffsetTrim(addsPrefixSpace: part.bool("add_prefix_space")) : nil
    }

    private static func sequence(_ part: FilePart) throws -> PostProcessor {
        try part.allow("processors")
        var whole = PostProcessor()
        for inner in try part.parts("processors") {
            let found = try read(inner)
            guard whole.trim == nil || found.trim == nil,
                whole.template == nil || found.template == nil
            else { throw inner.refusal("a second one of its kind is not supported") }
            whole.trim = whole.trim ?? found.trim
            whole.template = whole.template ?? found.template
        }
        return whole
    }

    private static func template(_ part: FilePart) throws -> PostProcessor {
        try part.allow("single", "pair", "special_tokens")
        let read = { (key: String) in try part.elements(key).flatMap { try pieces($0, of: part) } }
        return try PostProcessor(template: TextTemplate(single: read("single"), pair: read("pair")))
    }

    /// A text, or the ids of a special token.
    private static func pieces(
        _ entry: JSONValue, of part: FilePart
    ) throws -> [TextTemplate.Part] {
        if let text = entry["Sequence"], let type = text["type_id"]?.int32 {
            switch text["id"]?.text {
            case "A": return [.first(type: type)]
            case "B": return [.second(type: type)]
            default: break
            }
        }
        if let token = entry["SpecialToken"], let type = token["type_id"]?.int32,
            let name = token["id"]?.text,
            let ids = part["special_tokens"]?[name]?["ids"]?.elements?.map(\.int32),
            !ids.contains(nil) {
            return ids.compactMap { $0.map { .special(id: $0, type: type) } }
        }
        throw part.refusal("its template cannot be read")
    }
}
