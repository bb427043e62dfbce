import Foundation

/// Whether a model gives here what the exporter's simulator gave for the inputs of model.json.
public struct ModelChecks: Codable, Equatable, Sendable {
    /// Checks that were run.
    public let count: Int
    /// The largest difference, as a share of the largest number of its check. Nil: an output is
    /// missing, too short or not finite.
    public let difference: Double?
    public let passed: Bool

    enum CodingKeys: String, CodingKey {
        case count, difference, passed
    }

    /// - Parameter tolerance: share of the largest number of a check that an output may be off by.
    public init(count: Int, difference: Double?, tolerance: Double = 0.05) {
        self.count = count
        self.difference = difference
        passed = difference.map { $0 <= tolerance } ?? false
    }

    /// Runs the checks; nil where model.json has none for the framework.
    ///
    /// - Throws: whatever the model throws.
    public init?(
        running predictor: any ModelPredictor, on framework: Framework = .coreML
    ) async throws {
        let checks = predictor.settings.checks
        guard !checks.isEmpty,
            let tolerance = framework.tolerance(of: predictor.settings.quantization)
        else { return nil }
        var largest: Double? = 0
        for check in checks {
            try Task.checkCancellation()
            let outputs = try await predictor.predict(try ModelInput(check))
            let difference = check.difference(from: outputs)
            largest = largest.flatMap { a in difference.map { max(a, $0) } }
        }
        self.init(count: checks.count, difference: largest, tolerance: tolerance)
    }

    /// On one line, for the screen and the terminal.
    public var summary: String {
        let off = difference.map { String(format: "largest difference %.2f%%", $0 * 100) }
            ?? "an output is missing or not finite"
        return "\(passed ? "passed" : "failed"): \(count) checks, \(off)"
    }
}

extension ModelSettings.Check {
    /// The largest difference of the first numbers of each output, as a share of the largest that
    /// is kept; nil where an output is missing, shorter or not finite.
    func difference(from found: ModelOutputs) -> Double? {
        let largest = outputs.values.joined().map { abs(Double($0)) }.max() ?? 0
        var difference = 0.0
        for (name, kept) in outputs {
            guard let scalars = found.tensors[name]?.scalars.prefix(kept.count),
                scalars.count == kept.count, scalars.allSatisfy(\.isFinite)
            else { return nil }
            for (a, b) in zip(scalars, kept) { difference = max(difference, abs(Double(a) - Double(b))) }
        }
        return difference / (largest > 0 ? largest : 1)
    }
}

extension ModelInput {
    /// The input of a check as it stands in model.json.
    init(_ check: ModelSettings.Check) throws {
        let zeros = [Int32](repeating: 0, count: check.length)
        guard let ids = check.inputs["input_ids"], let mask = check.inputs["attention_mask"] else {
            throw ModelSettings.refusal("a check has no input_ids or no attention_mask")
        }
        self.init(
            inputIDs: ids, attentionMask: mask,
            tokenTypeIDs: check.inputs["token_type_ids"] ?? zeros
        )
    }
}
