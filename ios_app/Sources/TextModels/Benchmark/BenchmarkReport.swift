import Foundation

/// Measurements of a device as JSON, in the schema of the kit (bench/reporting/device_schema.md).
public struct BenchmarkReport: Codable, Equatable, Sendable {
    public static let schema = "distilkit.device"
    public static let version = 2

    public var schema: String
    public var version: Int
    /// Apple's identifier of the model, such as iPhone16,1.
    public var device: String
    /// Such as iOS 18.1.
    public var os: String
    /// Build of the system, such as 22B83.
    public var build: String?
    /// Version of the app.
    public var app: String
    /// How the app was built: debug or release. Times of a debug build mean little.
    public var configuration: String?
    /// Whether a debugger was attached.
    public var debugger: Bool?
    /// ISO 8601, in UTC.
    public var created: String
    public var rows: [BenchmarkRow]

    public init(
        device: String,
        os: String,
        build: String? = nil,
        app: String,
        configuration: String? = nil,
        debugger: Bool? = nil,
        rows: [BenchmarkRow],
        created: Date = Date()
    ) {
        schema = Self.schema
        version = Self.version
        self.device = device
        self.os = os
        self.build = build
        self.app = app
        self.configuration = configuration
        self.debugger = debugger
        self.rows = rows
        self.created = ISO8601DateFormatter().string(from: created)
    }

    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}

/// One model on one compute unit at one length. What came with version 2 is optional.
public struct BenchmarkRow: Codable, Equatable, Identifiable, Sendable {
    public var model: String
    public var quantization: String
    public var layout: String
    public var randomWeights: Bool
    public var computeUnit: ComputeUnit
    /// In tokens.
    public var length: Int
    /// Predictions before the first that is counted.
    public var warmUp: Int
    /// Neural inference alone, one value a run, in the order measured.
    public var milliseconds: [Double]
    /// Memory of the app after the runs, in bytes: all models that took turns.
    public var memoryBytes: Int
    public var thermalStateBefore: String
    /// After the runs.
    public var thermalState: String
    /// The round of each time.
    public var rounds: [Int]?
    /// The first model a second time.
    public var isControl: Bool?
    public var framework: Framework?
    /// To compile (Core ML) or specialise (Core AI) the package; nil when that had been done before.
    public var compileMilliseconds: Double?
    public var loadMilliseconds: Double?
    /// The first prediction at this length, before or in the warm-up.
    public var firstPredictionMilliseconds: Double?
    public var packageBytes: Int?
    /// The most memory that the app had until now.
    public var peakMemoryBytes: Int?
    public var isLowPower: Bool?
    /// From 0 to 1.
    public var batteryLevel: Double?
    public var isCharging: Bool?
    public var computePlan: ComputePlanShares?
    public var reshapeFrequency: ReshapeFrequency?
    public var specialization: SpecializationStrategy?
    /// Whether the model gave what the exporter's simulator gave; nil without checks.
    public var checks: ModelChecks?
    /// The run without a pause after the turns.
    public var sustained: SustainedRun?

    public var id: String {
        var parts = [model, computeUnit.rawValue, String(length)]
        if let framework, framework != .coreML { parts.append(framework.rawValue) }
        if isControl == true { parts.append("control") }
        return parts.joined(separator: "/")
    }
    public var statistics: Statistics? { Statistics(milliseconds) }

    enum CodingKeys: String, CodingKey {
        case model, quantization, layout, length, milliseconds, rounds, framework
        case checks, sustained
        case reshapeFrequency = "reshape_frequency"
        case specialization = "specialization_strategy"
        case randomWeights = "random_weights"
        case computeUnit = "compute_unit"
        case warmUp = "warm_up"
        case memoryBytes = "memory_bytes"
        case thermalStateBefore = "thermal_state_before"
        case thermalState = "thermal_state"
        case isControl = "control"
        case compileMilliseconds = "compile_ms"
        case loadMilliseconds = "load_ms"
        case firstPredictionMilliseconds = "first_prediction_ms"
        case packageBytes = "package_bytes"
        case peakMemoryBytes = "peak_memory_bytes"
        case isLowPower = "low_power"
        case batteryLevel = "battery_level"
        case isCharging = "charging"
        case computePlan = "compute_plan"
    }
}
