/// BERT's normaliser: cleans text, sets ideographs off by blanks, strips accents, lower-cases.
///
/// Equal to `BertNormalizer` of the `tokenizers` library (Rust), with its alignments: each
/// resulting scalar keeps the range of the original text that it stands for.
public struct BertNormalizer: Equatable, Sendable {
    public var cleanText: Bool
    public var handleChineseChars: Bool
    public var stripAccents: Bool
    public var lowercase: Bool

    /// `stripAccents: nil` means: when lower-casing, as the original BERT does.
    public init(
        cleanText: Bool = true,
        handleChineseChars: Bool = true,
        stripAccents: Bool? = nil,
        lowercase: Bool = true
    ) {
        self.cleanText = cleanText
        self.handleChineseChars = handleChineseChars
        self.stripAccents = stripAccents ?? lowercase
        self.lowercase = lowercase
    }

    func normalize(_ text: NormalizedText) -> NormalizedText {
        var run = NormalizerRun(settings: self)
        run.output.reserveCapacity(text.count + text.count / 8)
        for (position, scalar) in text.scalars.enumerated() {
            run.add(scalar, text.origin(position))
        }
        run.flush()
        return run.output
    }
}

/// One pass over a text. Each scalar goes through clean, ideographs, decomposition, marks and
/// lower case in turn; only decomposition looks beyond one scalar, for canonical order.
private struct NormalizerRun {
    let settings: BertNormalizer
    var output = NormalizedText()
    private let properties = ScalarProperties.shared
    private var pending = CanonicalOrder()

    init(settings: BertNormalizer) { self.settings = settings }

    @inline(__always)
    mutating func add(_ scalar: UInt32, _ origin: Origin) {
        let classes = properties.classes(of: scalar)
        if settings.cleanText {
            if classes.contains(.removed) { return }
            if classes.contains(.whiteSpace) { return decompose(0x20, [], origin) }
        }
        if settings.handleChineseChars && classes.contains(.ideograph) {
            decompose(0x20, [], origin)
            decompose(scalar, classes, origin)
            decompose(0x20, [], origin)
        } else {
            decompose(scalar, classes, origin)
        }
    }

    mutating func flush() {
        for (scalar, origin) in pending.drain() { finish(scalar, origin) }
    }

    @inline(__always)
    private mutating func decompose(
        _ scalar: UInt32, _ classes: ScalarProperties.Classes, _ origin: Origin
    ) {
        if settings.stripAccents && !classes.isDisjoint(with: [.decomposes, .combining]) {
            decomposeInOrder(scalar, origin)
        } else {
            if !pending.isEmpty { flush() }
            finish(scalar, origin)
        }
    }

    private mutating func decomposeInOrder(_ scalar: UInt32, _ origin: Origin) {
        var isNew = false
        for part in properties.decomposition(of: scalar) {
            let combiningClass = properties.combiningClass(of: part)
            if combiningClass == 0 { flush() }
            pending.append(part, combiningClass, isNew ? nil : origin)
            isNew = true
        }
    }

    @inline(__always)
    private mutating func finish(_ scalar: UInt32, _ origin: Origin) {
        let classes = properties.classes(of: scalar)
        if settings.stripAccents && classes.contains(.nonspacingMark) { return }
        guard settings.lowercase && classes.contains(.hasLowercase) else {
            return output.append(scalar, origin)
        }
        output.append(properties.lowercase(of: scalar), origin)
        if scalar == ScalarProperties.capitalIWithDot {
            output.append(ScalarProperties.combiningDot, origin)
        }
    }
}

/// Scalars waiting to be put in canonical order: a starter and the marks after it.
///
/// The library's alignments follow positions, not scalars: after sorting, the next scalar that
/// replaces one of the text takes the next origin, and an added one that of the scalar before.
private struct CanonicalOrder {
    private var waiting: [(scalar: UInt32, combiningClass: UInt8, isNew: Bool)] = []
    private var origins: [Origin] = []
    private var last = Origin(0, 0)

    var isEmpty: Bool { waiting.isEmpty }

    mutating func append(_ scalar: UInt32, _ combiningClass: UInt8, _ origin: Origin?) {
        if let origin { origins.append(origin) }
        waiting.append((scalar, combiningClass, origin == nil))
    }

    mutating func drain() -> [(UInt32, Origin)] {
        guard !waiting.isEmpty else { return [] }
        // Sort by class, equal classes in their order.
        let order = waiting.indices.sorted {
            (waiting[$0].combiningClass, $0) < (waiting[$1].combiningClass, $1)
        }
        var next = origins.makeIterator()
        let sorted = order.map { index in
            if !waiting[index].isNew { last = next.next() ?? last }
            return (waiting[index].scalar, last)
        }
        waiting.removeAll(keepingCapacity: true)
        origins.removeAll(keepingCapacity: true)
        return sorted
    }
}
