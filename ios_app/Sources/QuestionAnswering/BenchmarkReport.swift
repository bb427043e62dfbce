import Foundation

/// Measurements of a device as JSON, in the schema of the kit's `bench/device.py`.
public struct BenchmarkReport: Codable, Equatable, Sendable {
    public static let schema = "distilkit.device"
    public static let version = 1

    public var schema: String
    public var version: Int
    /// Apple's identifier of the model, such as iPhone16,1.
    public var device: String
    /// Such as iOS 17.5.1.
    public var os: String
    /// Version of the app.
    public var app: String
    /// ISO 8601, in UTC.
    public var created: String
    public var rows: [BenchmarkRow]

    public init(
        device: String, os: String, app: String, rows: [BenchmarkRow], created: Date = Date()
    ) {
        schema = Self.schema
        version = Self.version
        self.device = device
        self.os = os
        self.app = app
        self.created = ISO8601DateFormatter().string(from: created)
        self.rows = rows
    }

    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}

/// One model on one compute unit at one length.
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
    /// Memory of the app after the runs, in bytes.
    public var memoryBytes: Int
    public var thermalStateBefore: String
    /// After the runs.
    public var thermalState: String

    public var id: String { "\(model)/\(computeUnit.rawValue)/\(length)" }
    public var statistics: Statistics? { Statistics(milliseconds) }

    enum CodingKeys: String, CodingKey {
        case model, quantization, layout, length, milliseconds
        case randomWeights = "random_weights"
        case computeUnit = "compute_unit"
        case warmUp = "warm_up"
        case memoryBytes = "memory_bytes"
        case thermalStateBefore = "thermal_state_before"
        case thermalState = "thermal_state"
    }
}
