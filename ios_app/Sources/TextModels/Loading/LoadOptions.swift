/// How a model is to be loaded.
public struct LoadOptions: Hashable, Sendable {
    /// The framework to take and no other; nil: the newest that can.
    public var framework: Framework?
    public var computeUnit: ComputeUnit
    public var reshapeFrequency: ReshapeFrequency
    public var specialization: SpecializationStrategy

    public init(
        framework: Framework? = nil,
        computeUnit: ComputeUnit = .all,
        reshapeFrequency: ReshapeFrequency = .frequent,
        specialization: SpecializationStrategy = .balanced
    ) {
        self.framework = framework
        self.computeUnit = computeUnit
        self.reshapeFrequency = reshapeFrequency
        self.specialization = specialization
    }
}

/// How often the length of the input changes; the raw value stands in results. A hint for Core ML
/// packages with several lengths in one function; `frequent` is the system's own default.
public enum ReshapeFrequency: String, Codable, CaseIterable, Sendable {
    case frequent
    case infrequent
}

/// What the system makes a model faster at, the loading or the prediction; the raw value stands in
/// results. A hint that Core ML takes.
public enum SpecializationStrategy: String, Codable, CaseIterable, Sendable {
    case balanced = "default"
    case fastPrediction = "fast_prediction"
}
