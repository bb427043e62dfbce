// Stub of the calls that DeviceState makes; README.md says what for.
import Foundation

public typealias natural_t = UInt32
public typealias integer_t = Int32
public typealias kern_return_t = Int32
public typealias mach_port_t = UInt32
public typealias task_flavor_t = UInt32
public typealias mach_msg_type_number_t = UInt32

public struct task_vm_info_data_t {
    public var phys_footprint: UInt64
    public var ledger_phys_footprint_peak: Int64
    public init() { fatalError() }
}

public var mach_task_self_: mach_port_t { fatalError() }
public let KERN_SUCCESS: kern_return_t = 0
public let TASK_VM_INFO: Int32 = 22

public func task_info(
    _ task: mach_port_t, _ flavor: task_flavor_t, _ info: UnsafeMutablePointer<integer_t>!,
    _ count: UnsafeMutablePointer<mach_msg_type_number_t>!
) -> kern_return_t { fatalError() }

@discardableResult
public func sysctlbyname(
    _ name: UnsafePointer<CChar>!, _ old: UnsafeMutableRawPointer!,
    _ oldSize: UnsafeMutablePointer<Int>!, _ new: UnsafeMutableRawPointer!, _ newSize: Int
) -> Int32 { fatalError() }

public struct extern_proc { public var p_flag: Int32 }

public struct kinfo_proc {
    public var kp_proc: extern_proc
    public init() { fatalError() }
}

public let CTL_KERN: Int32 = 1
public let KERN_PROC: Int32 = 14
public let KERN_PROC_PID: Int32 = 1
public let P_TRACED: Int32 = 0x800

public func sysctl(
    _ name: UnsafeMutablePointer<Int32>!, _ count: UInt32, _ old: UnsafeMutableRawPointer!,
    _ oldSize: UnsafeMutablePointer<Int>!, _ new: UnsafeMutableRawPointer!, _ newSize: Int
) -> Int32 { fatalError() }

extension ProcessInfo {
    public var isLowPowerModeEnabled: Bool { fatalError() }
    public enum ThermalState: Int, Sendable { case nominal, fair, serious, critical }
    public var thermalState: ThermalState { fatalError() }
}
