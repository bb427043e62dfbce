import Foundation

/// Reads the normaliser of a tokenizer.json.
enum NormalizerFile {
    private typealias Reader = (FilePart) throws -> [any NormalizerStep]

    private static var readers: [String: Reader] {
        [
            "BertNormalizer": bert, "NFC": form, "NFD": form, "NFKC": form, "NFKD": form,
            "StripAccents": { try simple($0, StripAccents()) },
            "Lowercase": { try simple($0, Lowercase()) },
            "Strip": strip, "Prepend": prepend, "Replace": replace, "Precompiled": precompiled,
            "Sequence": sequence,
        ]
    }

    /// The steps of a part; none when it is nil or null.
    static func read(_ part: FilePart?) throws -> [any NormalizerStep] {
        guard let part else { return [] }
        return try part.reader(readers)(part)
    }

    private static func sequence(_ part: FilePart) throws -> [any NormalizerStep] {
        try part.allow("normalizers")
        return try part.parts("normalizers").flatMap(read)
    }

    private static func simple(
        _ part: FilePart, _ step: any NormalizerStep
    ) throws -> [any NormalizerStep] {
        try part.allow()
        return [step]
    }

    private static func form(_ part: FilePart) throws -> [any NormalizerStep] {
        try part.allow()
        return [NormalForm(rawValue: part.type)].compactMap { $0 }
    }

    private static func bert(_ part: FilePart) throws -> [any NormalizerStep] {
        try part.allow("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
        return try [
            BertNormalizer(
                cleanText: part.bool("clean_text", usual: true),
                handleChineseChars: part.bool("handle_chinese_chars", usual: true),
                stripAccents: part["strip_accents"]?.bool,
                lowercase: part.bool("lowercase", usual: true)
            )
        ]
    }

    private static func strip(_ part: FilePart) throws -> [any NormalizerStep] {
        try part.allow("strip_left", "strip_right")
        return try [Strip(left: part.bool("strip_left"), right: part.bool("strip_right"))]
    }

    private static func prepend(_ part: FilePart) throws -> [any NormalizerStep] {
        try part.allow("prepend")
        return try [Prepend(content: part.scalars("prepend"))]
    }

    private static func replace(_ part: FilePart) throws -> [any NormalizerStep] {
        try part.allow("pattern", "content")
        let content = try part.scalars("content")
        if let text = part["pattern"]?["String"]?.scalars, !text.isEmpty {
            return [Replace(pattern: .text(text), content: content)]
        }
        let source = part["pattern"]?["Regex"]?.text ?? ""
        guard let pattern = ReplacePattern.known[source] else {
            throw part.refusal("the pattern “\(source)” is not supported")
        }
        return [Replace(pattern: pattern, content: content)]
    }

    private static func precompiled(_ part: FilePart) throws -> [any NormalizerStep] {
        try part.allow("precompiled_charsmap")
        let text = part["precompiled_charsmap"]?.text ?? ""
        guard let map = Data(base64Encoded: text).flatMap(CharacterMap.init) else {
            throw part.refusal("“precompiled_charsmap” is broken")
        }
        return [map]
    }
}
