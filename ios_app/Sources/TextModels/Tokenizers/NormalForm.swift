/// Unicode normal forms with the alignments of the library's `nfc`, `nfd`, `nfkc` and `nfkd`.
enum NormalForm: String, Sendable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    private var isComposed: Bool { self == .nfc || self == .nfkc }
    private var isCompatible: Bool { self == .nfkc || self == .nfkd }

    /// Scalars below this neither change nor meet one of their kind that they change with.
    private var firstThatChanges: UInt32 {
        switch self {
        case .nfc: 0x300
        case .nfd: 0xC0
        case .nfkc, .nfkd: 0xA0
        }
    }
}

extension NormalForm: NormalizerStep {
    func apply(to text: inout NormalizedText) {
        let limit = firstThatChanges
        guard text.scalars.contains(where: { $0 >= limit }) else { return }
        var steps = decomposed(text.scalars)
        if isComposed { steps = composed(steps) }
        text.transform(steps)
    }

    /// Decomposition in canonical order.
    private func decomposed(_ scalars: [UInt32]) -> [TransformStep] {
        let properties = ScalarProperties.shared
        var steps: [TransformStep] = []
        steps.reserveCapacity(scalars.count + scalars.count / 4)
        var marks: [(step: TransformStep, combiningClass: UInt8)] = []
        for scalar in scalars {
            let compatible = isCompatible ? Compositions.shared.compatibility[scalar] : nil
            var change = 0
            for part in compatible ?? properties.decomposition(of: scalar) {
                let step = TransformStep(scalar: part, change: change)
                let combiningClass = properties.combiningClass(of: part)
                if combiningClass == 0 {
                    Self.drain(&marks, into: &steps)
                    steps.append(step)
                } else {
                    marks.append((step, combiningClass))
                }
                change = 1
            }
        }
        Self.drain(&marks, into: &steps)
        return steps
    }

    private static func drain(
        _ marks: inout [(step: TransformStep, combiningClass: UInt8)],
        into steps: inout [TransformStep]
    ) {
        guard !marks.isEmpty else { return }
        let order = marks.indices.sorted {
            (marks[$0].combiningClass, $0) < (marks[$1].combiningClass, $1)
        }
        steps += order.map { marks[$0].step }
        marks.removeAll(keepingCapacity: true)
    }

    /// Canonical composition: a mark joins the last starter unless one of its class, or of a
    /// higher one, stands between.
    private func composed(_ parts: [TransformStep]) -> [TransformStep] {
        let properties = ScalarProperties.shared
        var steps: [TransformStep] = []
        var starter: Int?
        var last: UInt8?
        for part in parts {
            let combiningClass = properties.combiningClass(of: part.scalar)
            if let index = starter, last.map({ $0 < combiningClass }) ?? true,
                let whole = Compositions.shared.composed(steps[index].scalar, part.scalar) {
                steps[index].scalar = whole
                steps[index].change += part.change - 1
                continue
            }
            if combiningClass == 0 {
                starter = steps.count
                last = nil
            } else if starter != nil {
                last = combiningClass
            }
            steps.append(part)
        }
        return steps
    }
}

/// What composes to what, and compatibility decompositions; read when a normal form is first used.
struct Compositions: Sendable {
    static let shared = Compositions()

    let compatibility: [UInt32: [UInt32]]
    private let pairs: [UInt64: UInt32]

    private init() {
        compatibility = HexReader.mapping(UnicodeForms.compatibility)
        pairs = Dictionary(
            uniqueKeysWithValues: HexReader.mapping(UnicodeForms.compositions).map {
                (Self.key($1[0], $1[1]), $0)
            }
        )
    }

    func composed(_ first: UInt32, _ second: UInt32) -> UInt32? {
        Hangul.composed(first, second) ?? pairs[Self.key(first, second)]
    }

    private static func key(_ first: UInt32, _ second: UInt32) -> UInt64 {
        UInt64(first) << 32 | UInt64(second)
    }
}
