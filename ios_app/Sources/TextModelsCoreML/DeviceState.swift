#if canImport(Darwin)
import Darwin
import Foundation
import TextModels

/// Temperature, memory and power of this device.
public struct DeviceState: DeviceProbe {
    private let power: @Sendable () async -> PowerState

    public init(power: @escaping @Sendable () async -> PowerState = { PowerState() }) {
        self.power = power
    }

    public var thermalState: String {
        switch ProcessInfo.processInfo.thermalState {
        case .nominal: return "nominal"
        case .fair: return "fair"
        case .serious: return "serious"
        case .critical: return "critical"
        @unknown default: return "serious"
        }
    }

    /// The footprint by which the system judges an app, the figure of Xcode's memory gauge.
    public var memoryBytes: Int { Int(Self.memory?.phys_footprint ?? 0) }

    public var peakMemoryBytes: Int? {
        Self.memory.map { Int($0.ledger_phys_footprint_peak) }
    }

    /// The battery is the screen's to ask (UIDevice); an app passes it with `power`.
    public func powerState() async -> PowerState {
        var state = await power()
        state.isLowPower = ProcessInfo.processInfo.isLowPowerModeEnabled
        return state
    }

    private static var memory: task_vm_info_data_t? {
        var info = task_vm_info_data_t()
        var count = mach_msg_type_number_t(
            MemoryLayout<task_vm_info_data_t>.size / MemoryLayout<natural_t>.size
        )
        let result = withUnsafeMutablePointer(to: &info) { pointer in
            pointer.withMemoryRebound(to: integer_t.self, capacity: Int(count)) {
                task_info(mach_task_self_, task_flavor_t(TASK_VM_INFO), $0, &count)
            }
        }
        return result == KERN_SUCCESS ? info : nil
    }

    /// Apple's identifier of the device's model, such as iPhone16,1.
    public static var modelIdentifier: String {
        if let simulated = ProcessInfo.processInfo.environment["SIMULATOR_MODEL_IDENTIFIER"] {
            return "\(simulated) (simulator)"
        }
        return systemText("hw.machine") ?? "unknown"
    }

    /// Build of the system, such as 22B83.
    public static var systemBuild: String? { systemText("kern.osversion") }

    /// Whether a debugger is attached, which slows the app down.
    public static var isDebugged: Bool {
        var info = kinfo_proc()
        var size = MemoryLayout<kinfo_proc>.stride
        let process = ProcessInfo.processInfo.processIdentifier
        var name: [Int32] = [CTL_KERN, KERN_PROC, KERN_PROC_PID, process]
        let result = sysctl(&name, UInt32(name.count), &info, &size, nil, 0)
        return result == 0 && (info.kp_proc.p_flag & P_TRACED) != 0
    }

    private static func systemText(_ name: String) -> String? {
        var size = 0
        sysctlbyname(name, nil, &size, nil, 0)
        guard size > 0 else { return nil }
        var text = [UInt8](repeating: 0, count: size)
        sysctlbyname(name, &text, &size, nil, 0)
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
}
#endif
