/// Where the system plans to run a model: shares from 0 to 1 of its operations and of their
/// estimated cost.
public struct ComputePlanShares: Codable, Equatable, Sendable {
    public struct Share: Codable, Equatable, Sendable {
        public var operations: Double
        public var cost: Double

        public init(operations: Double, cost: Double) {
            self.operations = operations
            self.cost = cost
        }
    }

    /// What an operation runs on; the raw value stands in results.
    public enum Unit: String, CaseIterable, Sendable {
        case neuralEngine = "neural_engine"
        case gpu
        case cpu
    }

    public var neuralEngine: Share
    public var gpu: Share
    public var cpu: Share

    enum CodingKeys: String, CodingKey {
        case neuralEngine = "neural_engine"
        case gpu, cpu
    }

    public init(neuralEngine: Share, gpu: Share, cpu: Share) {
        self.neuralEngine = neuralEngine
        self.gpu = gpu
        self.cpu = cpu
    }

    /// The shares of single operations; nil without any.
    ///
    /// - Parameter operations: the unit of each operation and its part of the estimated cost.
    public init?(operations: [(unit: Unit, cost: Double)]) {
        guard !operations.isEmpty else { return nil }
        let cost = operations.map(\.cost).reduce(0, +)
        let share = { (unit: Unit) in
            let own = operations.filter { $0.unit == unit }
            return Share(
                operations: Double(own.count) / Double(operations.count),
                cost: cost > 0 ? own.map(\.cost).reduce(0, +) / cost : 0
            )
        }
        self.init(neuralEngine: share(.neuralEngine), gpu: share(.gpu), cpu: share(.cpu))
    }
}
