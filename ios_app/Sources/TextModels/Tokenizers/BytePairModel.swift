/// Byte-pair encoding: joins the two neighbours whose merge has the lowest rank, until none has one.
struct BytePairModel: SubwordModel {
    struct Merge {
        let rank: Int32
        let id: Int32
    }

    static let kind = "bpe"
    let keepsUnknownText = false
    let size: Int
    private let tree: ScalarTree
    private let merges: [UInt64: Merge]
    private let unknownID: Int32?
    /// Unknown neighbours become one token.
    private let fusesUnknown: Bool
    /// A word that is an entry is taken whole, whatever the merges say.
    private let ignoresMerges: Bool

    /// - Parameter merges: two entries each, by rank.
    /// - Throws: `TextModelsError.badVocabulary`: an entry that a merge names is missing.
    init(
        entries: [VocabularyFile.Entry],
        merges: [([UInt32], [UInt32])],
        unknownToken: String?,
        fusesUnknown: Bool,
        ignoresMerges: Bool
    ) throws {
        var tree = ScalarTree(minimumCapacity: entries.count * 3)
        for entry in entries { tree.insert(entry.scalars, entry.id) }
        let id = { (scalars: [UInt32]) throws -> Int32 in
            if let id = tree.value(of: scalars) { return id }
            throw TextModelsError.badVocabulary("it has no “\(String(scalars: scalars))”")
        }
        var ranked = [UInt64: Merge](minimumCapacity: merges.count)
        for (rank, (first, second)) in merges.enumerated() {
            let key = try Self.key(id(first), id(second))
            ranked[key] = try Merge(rank: Int32(rank), id: id(first + second))
        }
        unknownID = try unknownToken.map { try id($0.unicodeScalars.map(\.value)) }
        if unknownID == nil, let missing = ByteLevel.characters.first(where: {
            tree.value(of: [$0]) == nil
        }) {
            throw TextModelsError.badVocabulary(
                "it has neither “\(String(scalars: [missing]))” nor an unknown token"
            )
        }
        self.tree = tree
        self.merges = ranked
        self.fusesUnknown = fusesUnknown
        self.ignoresMerges = ignoresMerges
        size = Set(entries.map(\.scalars)).count
    }

    func id(of scalars: [UInt32]) -> Int32? { tree.value(of: scalars) }

    func cut(_ word: ArraySlice<UInt32>) -> [Piece] {
        if ignoresMerges, let id = tree.value(of: word) { return [Piece(id: id, count: word.count)] }
        var symbols = Symbols(pieces: characters(of: word))
        symbols.merge(by: merges)
        return symbols.pieces
    }

    /// One piece for each scalar; of fused unknown ones, one for all.
    private func characters(of word: ArraySlice<UInt32>) -> [Piece] {
        var pieces: [Piece] = []
        pieces.reserveCapacity(word.count)
        for scalar in word {
            if let id = tree.value(of: CollectionOfOne(scalar)) {
                pieces.append(Piece(id: id, count: 1))
            } else if let unknownID {
                var count = 1
                if fusesUnknown, let last = pieces.last, last.isUnknown {
                    count += last.count
                    pieces.removeLast()
                }
                pieces.append(Piece(id: unknownID, count: count, isUnknown: true))
            }
        }
        return pieces
    }

    static func key(_ first: Int32, _ second: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: first)) << 32 | UInt64(UInt32(bitPattern: second))
    }
}

/// The symbols of a word as they are merged: a linked list and a queue of merges, lowest rank first,
/// then leftmost.
private struct Symbols {
    private struct Symbol {
        var id: Int32
        var count: Int
        var isUnknown: Bool
        var previous: Int
        var next: Int
    }

    private struct Candidate {
        let rank: Int32
        let position: Int
        let id: Int32

        @inline(__always)
        static func < (a: Candidate, b: Candidate) -> Bool {
            a.rank != b.rank ? a.rank < b.rank : a.position < b.position
        }
    }

    private var symbols: [Symbol]
    private var queue: [Candidate] = []

    init(pieces: [Piece]) {
        symbols = pieces.enumerated().map { index, piece in
            Symbol(
                id: piece.id, count: piece.count, isUnknown: piece.isUnknown, previous: index - 1,
                next: index + 1
            )
        }
    }

    var pieces: [Piece] {
        symbols.compactMap {
            $0.count == 0 ? nil : Piece(id: $0.id, count: $0.count, isUnknown: $0.isUnknown)
        }
    }

    mutating func merge(by merges: [UInt64: BytePairModel.Merge]) {
        for position in symbols.indices { enqueue(position, merges) }
        while let top = popFirst() {
            let left = symbols[top.position]
            guard left.count > 0, left.next < symbols.count else { continue }
            let right = symbols[left.next]
            // The neighbours may have been merged otherwise since.
            let key = BytePairModel.key(left.id, right.id)
            guard merges[key]?.id == top.id else { continue }
            symbols[left.next].count = 0
            symbols[top.position].id = top.id
            symbols[top.position].count += right.count
            symbols[top.position].isUnknown = false
            symbols[top.position].next = right.next
            if right.next < symbols.count { symbols[right.next].previous = top.position }
            if left.previous >= 0 { enqueue(left.previous, merges) }
            enqueue(top.position, merges)
        }
    }

    @inline(__always)
    private mutating func enqueue(_ position: Int, _ merges: [UInt64: BytePairModel.Merge]) {
        let next = symbols[position].next
        guard next < symbols.count,
            let merge = merges[BytePairModel.key(symbols[position].id, symbols[next].id)]
        else { return }
        queue.append(Candidate(rank: merge.rank, position: position, id: merge.id))
        var child = queue.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard queue[child] < queue[parent] else { break }
            queue.swapAt(child, parent)
            child = parent
        }
    }

    @inline(__always)
    private mutating func popFirst() -> Candidate? {
        guard let first = queue.first else { return nil }
        let last = queue.removeLast()
        guard !queue.isEmpty else { return first }
        queue[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < queue.count else { return first }
            if child + 1 < queue.count && queue[child + 1] < queue[child] { child += 1 }
            guard queue[child] < queue[parent] else { return first }
            queue.swapAt(child, parent)
            parent = child
        }
    }
}
