/// The part of the hardware that a model may use; the raw value stands in results.
public enum ComputeUnit: String, Codable, CaseIterable, Sendable {
    case all
    case cpu = "cpuOnly"
    case gpu = "cpuAndGPU"
    case neuralEngine = "cpuAndNeuralEngine"

    public var title: String {
        switch self {
        case .all: return "All"
        case .cpu: return "CPU only"
        case .gpu: return "CPU and GPU"
        case .neuralEngine: return "CPU and Neural Engine"
        }
    }
}

/// A feature padded to one of the lengths that a package takes.
public struct ModelInput: Equatable, Sendable {
    public let inputIDs: [Int32]
    /// 1 for a token, 0 for padding.
    public let attentionMask: [Int32]
    public let tokenTypeIDs: [Int32]

    public var length: Int { inputIDs.count }

    /// Pads a feature to the smallest length that holds it.
    ///
    /// - Throws: `TextModelsError.wrongModel` when no length does.
    public init(_ feature: Feature, settings: ModelSettings) throws {
        guard let length = settings.bucket(for: feature.count) else {
            throw TextModelsError.wrongModel("it takes no \(feature.count) tokens")
        }
        let padding = length - feature.count
        inputIDs = feature.inputIDs + Array(repeating: settings.specialIDs.pad, count: padding)
        attentionMask = Array(repeating: 1, count: feature.count)
            + Array(repeating: 0, count: padding)
        tokenTypeIDs = feature.tokenTypeIDs + Array(repeating: 0, count: padding)
    }

    /// An input for measurements, all of it tokens: time does not depend on which.
    public init(filled count: Int, settings: ModelSettings) {
        let length = max(count, 1)
        let ids = settings.specialIDs
        inputIDs = [ids.cls] + Array(repeating: ids.sep, count: length - 1)
        attentionMask = Array(repeating: 1, count: length)
        tokenTypeIDs = Array(repeating: 0, count: length / 4)
            + Array(repeating: 1, count: length - length / 4)
    }

    /// The values of an input of the package, by the name the exporter gives it.
    public func values(named name: String) -> [Int32]? {
        switch name {
        case "input_ids": return inputIDs
        case "attention_mask": return attentionMask
        case "token_type_ids": return tokenTypeIDs
        default: return nil
        }
    }
}

/// What a model says of one window.
public struct SpanPrediction: Sendable {
    public let logits: SpanLogits
    /// Neural inference alone: no tokenization, no padding, no copying of the result.
    public let milliseconds: Double

    public init(logits: SpanLogits, milliseconds: Double) {
        self.logits = logits
        self.milliseconds = milliseconds
    }
}

/// A question-answering model, whatever runs it.
public protocol SpanPredictor: Sendable {
    var settings: ModelSettings { get }

    func predict(_ input: ModelInput) async throws -> SpanPrediction
}
