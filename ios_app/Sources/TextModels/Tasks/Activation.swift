import Foundation

/// How scores become what a person reads.
public enum Activation: String, Sendable {
    /// Shares of one label among all.
    case softmax
    /// Each label by itself.
    case sigmoid
    /// The numbers as they are.
    case identity

    func apply(_ logits: [Float]) -> [Double] {
        switch self {
        case .softmax:
            let highest = Double(logits.max() ?? 0)
            let weights = logits.map { exp(Double($0) - highest) }
            let sum = weights.reduce(0, +)
            return weights.map { $0 / sum }
        case .sigmoid: return logits.map { 1 / (1 + exp(-Double($0))) }
        case .identity: return logits.map(Double.init)
        }
    }

    /// The one that model.json names.
    ///
    /// - Throws: `TextModelsError.badFile`: a name that is not known.
    init(_ settings: ModelSettings, default preset: Activation) throws {
        guard let name = settings.activation else {
            self = preset
            return
        }
        guard let named = Activation(rawValue: name) else {
            throw TextModelsError.badFile(
                name: "model.json",
                reason: "“activation” is \(name) (expected softmax, sigmoid or identity)"
            )
        }
        self = named
    }
}

/// Positions from the highest number to the lowest; among equal ones the first come first.
func ranking(_ numbers: [Double]) -> [Int] {
    numbers.indices.sorted { (-numbers[$0], $0) < (-numbers[$1], $1) }
}
