/// One window of a passage as model input: [CLS] question [SEP] window [SEP], without padding.
public struct Feature: Equatable, Sendable {
    public let inputIDs: [Int32]
    public let tokenTypeIDs: [Int32]
    /// Position of the first passage token.
    public let first: Int
    /// Ranges of the passage tokens, in Unicode scalars of the passage.
    public let offsets: [Range<Int>]

    public var count: Int { inputIDs.count }
}

/// Cuts question and passage into windows, as Python's `make_features` does.
public struct FeatureBuilder: Sendable {
    public let tokenizer: any Tokenizer
    public let classID: Int32
    public let separatorID: Int32
    /// Longest window in tokens, special tokens included.
    public let maxLength: Int
    /// Distance in passage tokens from one window's begin to the next.
    public let docStride: Int
    /// Tokens of the question beyond this number are left out.
    public let maxQuestionLength: Int

    /// Separators between question and passage: 1, or 2 (RoBERTa).
    public let pairSeparators: Int

    /// Numbers are brought into the range that model.json may have: a stride of 0 would never end.
    public init(
        tokenizer: any Tokenizer,
        classID: Int32,
        separatorID: Int32,
        maxLength: Int = 384,
        docStride: Int = 128,
        maxQuestionLength: Int = 64,
        pairSeparators: Int = 1
    ) {
        self.tokenizer = tokenizer
        self.classID = classID
        self.separatorID = separatorID
        self.maxLength = min(max(maxLength, 0), ModelSettings.mostTokens)
        self.docStride = max(docStride, 1)
        self.pairSeparators = min(max(pairSeparators, 1), 2)
        self.maxQuestionLength = max(maxQuestionLength, 0)
    }

    public init(tokenizer: any Tokenizer, settings: ModelSettings) {
        self.init(
            tokenizer: tokenizer,
            classID: settings.specialIDs.cls,
            separatorID: settings.specialIDs.sep,
            maxLength: settings.lengths.max() ?? 0,
            docStride: settings.docStride,
            maxQuestionLength: settings.maxQuestionLength,
            pairSeparators: settings.pairSeparators
        )
    }

    /// The windows of a passage that is asked a question, at least one.
    ///
    /// - Throws: `TextModelsError.noRoomForPassage` when the question fills a window.
    public func features(question: String, passage: String) throws -> [Feature] {
        let asked = tokenizer.encode(question).ids.prefix(maxQuestionLength)
        let head = [classID] + asked
            + Array(repeating: separatorID, count: pairSeparators)
        let room = maxLength - head.count - 1
        guard room >= 1 else {
            throw TextModelsError.noRoomForPassage(length: maxLength)
        }
        let encoded = tokenizer.encode(passage)
        return Self.windowStarts(count: encoded.count, room: room, docStride: docStride).map {
            window(of: encoded, from: $0, to: min($0 + room, encoded.count), head: head)
        }
    }

    /// First token of each window; the last window is the first that reaches the end.
    static func windowStarts(count: Int, room: Int, docStride: Int) -> [Int] {
        var starts = [0]
        while starts[starts.count - 1] + room < count {
            starts.append(starts[starts.count - 1] + min(docStride, room))
        }
        return starts
    }

    private func window(
        of passage: Encoding, from start: Int, to end: Int, head: [Int32]
    ) -> Feature {
        Feature(
            inputIDs: head + passage.ids[start..<end] + [separatorID],
            tokenTypeIDs: Array(repeating: 0, count: head.count)
                + Array(repeating: 1, count: end - start + 1),
            first: head.count,
            offsets: Array(passage.offsets[start..<end])
        )
    }
}
