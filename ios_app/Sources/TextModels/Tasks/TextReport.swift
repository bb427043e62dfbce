/// What a model says of a text, and what that took.
public struct TextReport<Value: Sendable>: Sendable {
    public let value: Value
    /// Text to tokens.
    public let tokenizationMilliseconds: Double
    /// Neural inference alone, over all inputs.
    public let inferenceMilliseconds: Double
    /// Padded length of each input in tokens.
    public let lengths: [Int]
}

extension TextReport {
    /// The same report with another value.
    public func map<Other: Sendable>(_ change: (Value) throws -> Other) rethrows -> TextReport<Other> {
        TextReport<Other>(
            value: try change(value),
            tokenizationMilliseconds: tokenizationMilliseconds,
            inferenceMilliseconds: inferenceMilliseconds,
            lengths: lengths
        )
    }
}
