/// Where a model stands on its way into memory.
public enum LoadPhase: String, CaseIterable, Sendable {
    /// Another model is being loaded.
    case waiting
    /// The system compiles or specialises the package for this device; done once.
    case preparing
    case loading
    /// The checks of model.json are run.
    case checking
}

/// Loads values one at a time and keeps them: two models that load together take the memory of
/// both and the time of both. Whoever asks for what is being loaded waits for the same load.
public actor LoadQueue<Key: Hashable & Sendable, Value: Sendable> {
    public typealias Report = @Sendable (LoadPhase) async -> Void
    public typealias Load = @Sendable (Report) async throws -> Value

    private struct Running {
        let task: Task<Value, any Error>
        var tickets: Set<Int>
    }

    private var ready: [Key: Value] = [:]
    private var running: [Key: Running] = [:]
    private var last: Task<Void, Never>?
    private var nextTicket = 0

    public init() {}

    /// The value of a key, which `load` makes when there is none. Cancelling the last task that
    /// waits for a load cancels the load, at its next step.
    ///
    /// - Parameter report: called as a load proceeds; the first caller's.
    /// - Throws: `CancellationError`; whatever `load` throws.
    public func value(
        for key: Key, report: @escaping Report = { _ in }, load: @escaping Load
    ) async throws -> Value {
        try Task.checkCancellation()
        if let value = ready[key] { return value }
        let ticket = nextTicket
        nextTicket += 1
        if running[key].map({ $0.task.isCancelled }) ?? true {
            running[key] = Running(task: start(report, load), tickets: [])
        }
        running[key]?.tickets.insert(ticket)
        guard let task = running[key]?.task else { throw CancellationError() }
        defer { if running[key]?.task == task { running[key] = nil } }
        let value = try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            Task { await self.leave(key, ticket) }
        }
        // A load that was forgotten meanwhile is not kept.
        if running[key]?.task == task { ready[key] = value }
        try Task.checkCancellation()
        return value
    }

    /// Forgets values and cancels loads, except those of some keys.
    public func keep(only keys: Set<Key>) {
        forget { !keys.contains($0) }
    }

    /// Forgets values and cancels loads.
    public func forget(where isUnwanted: @Sendable (Key) -> Bool) {
        ready = ready.filter { !isUnwanted($0.key) }
        for (key, load) in running where isUnwanted(key) {
            load.task.cancel()
            running[key] = nil
        }
    }

    private func start(
        _ report: @escaping Report, _ load: @escaping Load
    ) -> Task<Value, any Error> {
        let previous = last
        let task = Task {
            if let previous {
                await report(.waiting)
                await previous.value
            }
            try Task.checkCancellation()
            let value = try await load(report)
            try Task.checkCancellation()
            return value
        }
        last = Task { _ = await task.result }
        return task
    }

    private func leave(_ key: Key, _ ticket: Int) {
        guard running[key]?.tickets.remove(ticket) != nil else { return }
        if running[key]?.tickets.isEmpty == true { running[key]?.task.cancel() }
    }
}
