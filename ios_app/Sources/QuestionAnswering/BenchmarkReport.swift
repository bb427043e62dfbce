import Foundation

/// Measurements of a device as JSON, in the schema of the kit's `bench/device.py`.
public struct BenchmarkReport: Codable, Equatable, Sendable {
    public struct Device: Codable, Equatable, Sendable {
        /// Apple's identifier of the model, such as iPhone16,1.
        public var model: String
        public var system: String
        public var systemVersion: String
        public var appVersion: String

        public init(model: String, system: String, systemVersion: String, appVersion: String) {
            self.model = model
            self.system = system
            self.systemVersion = systemVersion
            self.appVersion = appVersion
        }

        enum CodingKeys: String, CodingKey {
            case model, system
            case systemVersion = "system_version"
            case appVersion = "app_version"
        }
    }

    public static let schemaVersion = 1

    public var schemaVersion: Int
    /// ISO 8601, in UTC.
    public var created: String
    public var device: Device
    public var rows: [BenchmarkRow]

    public init(device: Device, rows: [BenchmarkRow], created: Date = Date()) {
        schemaVersion = Self.schemaVersion
        self.created = ISO8601DateFormatter().string(from: created)
        self.device = device
        self.rows = rows
    }

    enum CodingKeys: String, CodingKey {
        case created, device, rows
        case schemaVersion = "schema_version"
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
    public var warmup: Int
    /// Neural inference alone, one value a run, in the order measured.
    public var timesMilliseconds: [Double]
    public var thermalBefore: String
    public var thermalAfter: String
    /// Memory of the app after the runs, in bytes.
    public var memoryBytes: Int

    public var id: String { "\(model)/\(computeUnit.rawValue)/\(length)" }
    public var statistics: Statistics? { Statistics(timesMilliseconds) }

    enum CodingKeys: String, CodingKey {
        case model, quantization, layout, length, warmup
        case randomWeights = "random_weights"
        case computeUnit = "compute_unit"
        case timesMilliseconds = "times_ms"
        case thermalBefore = "thermal_before"
        case thermalAfter = "thermal_after"
        case memoryBytes = "memory_bytes"
    }
}
