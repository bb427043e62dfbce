/// Measures neural inference in turns: what is compared is measured in the same minutes, at the
/// same temperature. In blocks, one model after the other, a model can be "faster" than itself.
public struct BenchmarkRunner: Sendable {
    public typealias Load = @Sendable (BenchmarkPlan.Step) async throws -> LoadedModel
    public typealias Sleep = @Sendable (Duration) async throws -> Void
    /// Time since some moment.
    public typealias Clock = @Sendable () -> Duration

    /// Longest wait for a cool device before a group, and the time between two looks.
    public static let longestWait = Duration.seconds(120)
    static let waitStep = Duration.seconds(2)

    private let load: Load
    private let probe: any DeviceProbe
    private let sleep: Sleep
    private let clock: Clock

    public init(
        load: @escaping Load,
        probe: any DeviceProbe,
        sleep: @escaping Sleep = { try await Task.sleep(for: $0) },
        clock: Clock? = nil
    ) {
        let start = ContinuousClock.now
        self.load = load
        self.probe = probe
        self.sleep = sleep
        self.clock = clock ?? { ContinuousClock.now - start }
    }

    /// Runs a plan, group by group. The models of one compute unit stay loaded over its lengths.
    ///
    /// - Parameters:
    ///   - progress: called after each prediction, and each second of a sustained run, with the
    ///     share done, from 0 to 1.
    ///   - finished: called with the rows of a group as soon as it is measured, so that a
    ///     cancelled run keeps what it has.
    /// - Throws: `CancellationError`, or whatever loading or predicting throws.
    public func run(
        _ plan: BenchmarkPlan,
        progress: @Sendable (Double) async -> Void,
        finished: @Sendable ([BenchmarkRow]) async -> Void
    ) async throws {
        var loaded: [Contender] = []
        var done = 0
        for group in plan.groups {
            loaded.removeAll { $0.step.computeUnit != group.computeUnit }
            var contenders: [Contender] = []
            for step in group.steps {
                try Task.checkCancellation()
                if let ready = loaded.first(where: { $0.serves(step) }) {
                    contenders.append(try ready.anew(for: step))
                } else {
                    let contender = try await Contender(step: step, model: load(step))
                    loaded.append(contender)
                    contenders.append(contender)
                }
            }
            await finished(try await measure(contenders, plan) {
                done += 1
                await progress(min(Double(done) / Double(plan.ticks), 1))
            })
        }
    }

    private func measure(
        _ group: [Contender], _ plan: BenchmarkPlan, tick: () async -> Void
    ) async throws -> [BenchmarkRow] {
        var contenders = group
        for index in contenders.indices {
            for _ in 0..<plan.warmUp {
                try await contenders[index].predict(round: nil)
                await tick()
            }
        }
        try await waitUntilCool()
        let (thermalState, power) = (probe.thermalState, await probe.powerState())
        var order = TurnOrder(count: contenders.count)
        for round in 0..<plan.rounds {
            for index in order.next() {
                for _ in 0..<plan.runsPerRound {
                    try await contenders[index].predict(round: round)
                    await tick()
                }
            }
        }
        var rows: [BenchmarkRow] = []
        for contender in contenders {
            rows.append(contender.row(
                warmUp: plan.warmUp, thermalStateBefore: thermalState, power, probe,
                plan: await contender.model.computePlan(),
                checks: try await ModelChecks(
                    running: contender.model.predictor, on: contender.model.framework
                )
            ))
        }
        guard plan.sustained > .zero else { return rows }
        for index in rows.indices where !contenders[index].step.isControl {
            try await waitUntilCool()
            rows[index].sustained = try await sustain(contenders[index], plan.sustained, tick)
        }
        return rows
    }

    /// Runs one model without a pause.
    private func sustain(
        _ contender: Contender, _ length: Duration, _ tick: () async -> Void
    ) async throws -> SustainedRun {
        var run = SustainedRun.Recorder()
        let start = clock()
        var elapsed = Duration.zero
        var seconds = 0
        while elapsed < length {
            let time = try await contender.time()
            elapsed = clock() - start
            run.add(time, at: elapsed, thermalState: probe.thermalState)
            while seconds < min(Int(elapsed.components.seconds), Int(length.components.seconds)) {
                seconds += 1
                await tick()
            }
        }
        return run.finish(at: elapsed)
    }

    /// Waits for a nominal thermal state, but not for ever; the rows say what it was.
    private func waitUntilCool() async throws {
        var waited = Duration.zero
        while probe.thermalState != "nominal", waited < Self.longestWait {
            try await sleep(Self.waitStep)
            waited += Self.waitStep
        }
    }
}
