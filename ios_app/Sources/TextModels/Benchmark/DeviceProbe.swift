/// Whether the device saves power.
public struct PowerState: Equatable, Sendable {
    public var isLowPower: Bool?
    /// From 0 to 1; nil where there is no battery.
    public var batteryLevel: Double?
    public var isCharging: Bool?

    public init(isLowPower: Bool? = nil, batteryLevel: Double? = nil, isCharging: Bool? = nil) {
        self.isLowPower = isLowPower
        self.batteryLevel = batteryLevel
        self.isCharging = isCharging
    }
}

/// What the machine says of itself beside the measurement.
public protocol DeviceProbe: Sendable {
    /// nominal, fair, serious or critical.
    var thermalState: String { get }
    /// Memory of this process in bytes.
    var memoryBytes: Int { get }
    /// The most memory that this process had, in bytes; nil when the system does not say.
    var peakMemoryBytes: Int? { get }

    func powerState() async -> PowerState
}
