/// SentencePiece's unigram model: the cut of a word whose pieces have the highest sum of scores.
struct UnigramModel: SubwordModel {
    /// What an unknown character costs below the lowest score of an entry.
    private static let unknownPenalty = 10.0

    static let kind = "unigram"
    let keepsUnknownText = true
    let size: Int
    private let tree: ScalarTree
    private let scores: [Double]
    private let unknownID: Int32
    private let unknownScore: Double

    /// - Parameter entries: with their scores, the place of each its id; of two equal entries the
    ///   last counts.
    init(entries: [(scalars: [UInt32], score: Double)], unknownID: Int32) {
        var tree = ScalarTree(minimumCapacity: entries.count * 3)
        for (id, entry) in entries.enumerated() { tree.insert(entry.scalars, Int32(id)) }
        self.tree = tree
        self.unknownID = unknownID
        size = entries.count
        scores = entries.map(\.score)
        unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
    }

    func id(of scalars: [UInt32]) -> Int32? { tree.value(of: scalars) }

    /// The best way to reach a place of the word.
    private struct Arrival {
        var score = 0.0
        var start = -1
        var id: Int32 = 0

        @inline(__always)
        mutating func offer(_ score: Double, from start: Int, _ id: Int32) {
            guard self.start < 0 || score > self.score else { return }
            self = Arrival(score: score, start: start, id: id)
        }
    }

    func cut(_ word: ArraySlice<UInt32>) -> [Piece] {
        var arrivals = [Arrival](repeating: Arrival(), count: word.count + 1)
        for start in 0..<word.count {
            let before = arrivals[start].score
            var hasSingle = false
            tree.forEachMatch(word[(word.startIndex + start)...]) { id, count in
                arrivals[start + count].offer(scores[Int(id)] + before, from: start, id)
                if count == 1 { hasSingle = true }
            }
            if !hasSingle {
                arrivals[start + 1].offer(unknownScore + before, from: start, unknownID)
            }
        }
        return pieces(of: word, arrivals)
    }

    /// From the end to the begin; unknown neighbours become one piece, which may be an entry.
    private func pieces(of word: ArraySlice<UInt32>, _ arrivals: [Arrival]) -> [Piece] {
        var pieces: [Piece] = []
        var end = word.count
        while end > 0 {
            let (start, id) = (arrivals[end].start, arrivals[end].id)
            var piece = Piece(id: id, count: end - start, isUnknown: id == unknownID)
            if piece.isUnknown, let last = pieces.last, last.isUnknown {
                pieces.removeLast()
                piece = Piece(id: id, count: piece.count + last.count, isUnknown: true)
            }
            pieces.append(piece)
            end = start
        }
        pieces.reverse()
        var position = word.startIndex
        for (index, piece) in pieces.enumerated() {
            if piece.isUnknown, let id = tree.value(of: word[position..<(position + piece.count)]) {
                pieces[index] = Piece(id: id, count: piece.count, isUnknown: true)
            }
            position += piece.count
        }
        return pieces
    }
}
