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
