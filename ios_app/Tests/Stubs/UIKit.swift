// Stub of the calls that QADemo makes; README.md says what for.
import Foundation

@MainActor
public class UIApplication {
    public class var shared: UIApplication { fatalError() }
    public var isIdleTimerDisabled: Bool { get { fatalError() } set {} }
}

@MainActor
public class UIDevice {
    public class var current: UIDevice { fatalError() }
    public var systemName: String { fatalError() }
    public var systemVersion: String { fatalError() }

    public enum BatteryState: Int, Sendable { case unknown, unplugged, charging, full }
    public var isBatteryMonitoringEnabled: Bool { get { fatalError() } set {} }
    public var batteryLevel: Float { fatalError() }
    public var batteryState: BatteryState { fatalError() }
}
