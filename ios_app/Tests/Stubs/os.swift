// Stub of the calls that TextModelsCoreML makes; README.md says what for.

public struct OSSignpostIntervalState: Sendable {}

public struct OSSignposter: Sendable {
    public init(subsystem: String, category: String) { fatalError() }
    public func beginInterval(_ name: StaticString) -> OSSignpostIntervalState { fatalError() }
    public func endInterval(_ name: StaticString, _ state: OSSignpostIntervalState) {}
}
