import XCTest

@testable import TextModels

struct FixedProbe: DeviceProbe {
    var thermalState = "nominal"
    var memoryBytes: Int { 42 }
    var peakMemoryBytes: Int? { 50 }

    func powerState() async -> PowerState {
        PowerState(isLowPower: false, batteryLevel: 0.75, isCharging: true)
    }
}

private struct TimedPredictor: ModelPredictor {
    let settings: ModelSettings
    let milliseconds: @Sendable () -> Double

    func predict(_ input: ModelInput) async throws -> ModelOutputs {
        ModelOutputs(tensors: [:], milliseconds: milliseconds())
    }
}

/// Counts from 0. The runner looks at its clock from one task at a time.
private final class Counter: @unchecked Sendable {
    private(set) var value = -1

    func next() -> Int {
        value += 1
        return value
    }
}

private actor Record {
    var rows: [BenchmarkRow] = []
    var shares: [Double] = []
    var loads: [String] = []

    func add(_ measured: [BenchmarkRow]) { rows += measured }
    func add(_ share: Double) { shares.append(share) }
    func add(load: String) { loads.append(load) }
}

final class BenchmarkTests: XCTestCase {
    func testPlanLeavesOutLengthsThatAModelDoesNotTake() throws {
        let plan = try plan(lengths: [32, 64], warmUp: 1, rounds: 2, runsPerRound: 3)
        XCTAssertEqual(plan.steps.map(\.length), [32, 32])
        XCTAssertEqual(plan.steps.map(\.computeUnit), [.cpu, .all])
        XCTAssertEqual(plan.predictions, 14)
    }

    func testPlanWithImpossibleNumbersIsRaisedToItsMinimum() throws {
        let plan = try plan(lengths: [32], warmUp: -1, rounds: 0, runsPerRound: -5)
        XCTAssertEqual([plan.warmUp, plan.rounds, plan.runsPerRound], [0, 1, 1])
    }

    func testRunnerMeasuresEachStepAndLoadsEachUnitOnce() async throws {
        let record = Record()
        let plan = try plan(lengths: [16, 32], warmUp: 2, rounds: 2, runsPerRound: 2)
        try await runner(record).run(
            plan, progress: { await record.add($0) }, finished: { await record.add($0) }
        )
        let (rows, shares, loads) = await (record.rows, record.shares, record.loads)
        XCTAssertEqual(rows.map(\.id), [
            "tiny-int8/cpuOnly/16", "tiny-int8/cpuOnly/32", "tiny-int8/all/16", "tiny-int8/all/32",
        ])
        XCTAssertEqual(rows.map(\.milliseconds), Array(repeating: [2.5, 2.5, 2.5, 2.5], count: 4))
        XCTAssertEqual(rows.map(\.rounds), Array(repeating: [0, 0, 1, 1], count: 4))
        XCTAssertEqual([rows[0].memoryBytes, rows[0].peakMemoryBytes], [42, 50])
        XCTAssertEqual(rows[0].firstPredictionMilliseconds, 2.5)
        XCTAssertEqual(rows[0].loadMilliseconds, 7)
        XCTAssertEqual(rows[0].batteryLevel, 0.75)
        XCTAssertEqual(shares.count, 24)
        XCTAssertEqual(shares.last, 1)
        XCTAssertEqual(shares, shares.sorted())
        XCTAssertEqual(loads, ["cpuOnly", "all"])
    }

    func testControlIsLoadedAndMeasuredASecondTime() async throws {
        let record = Record()
        let plan = try plan(lengths: [16], control: true, warmUp: 0, rounds: 3, runsPerRound: 1)
        try await runner(record).run(
            plan, progress: { _ in }, finished: { await record.add($0) }
        )
        let (rows, loads) = await (record.rows, record.loads)
        XCTAssertEqual(rows.map(\.isControl), [false, true, false, true])
        XCTAssertEqual(rows[1].id, "tiny-int8/cpuOnly/16/control")
        XCTAssertEqual(loads, ["cpuOnly", "cpuOnly", "all", "all"])
    }

    func testWarmDeviceIsWaitedForButNotForEver() async throws {
        let (record, clock) = (Record(), Record())
        let plan = try plan(lengths: [16], warmUp: 0, rounds: 1, runsPerRound: 1)
        try await runner(
            record, probe: FixedProbe(thermalState: "fair"), sleep: { _ in await clock.add(0) }
        ).run(plan, progress: { _ in }, finished: { await record.add($0) })
        let (rows, looks) = await (record.rows, clock.shares)
        XCTAssertEqual(looks.count, 2 * 60)  // two groups, 120 s in steps of 2 s
        XCTAssertEqual(rows[0].thermalStateBefore, "fair")
    }

    /// Each look at the clock is a second later; the model is twice as slow after a minute.
    func testSustainedRunTellsHowTheModelSlowsDown() async throws {
        let (record, seconds) = (Record(), Counter())
        let folder = try ModelFolder()
        let plan = BenchmarkPlan(
            bundles: [try ModelBundle(directory: folder.directory)], computeUnits: [.cpu],
            lengths: [16], control: true, warmUp: 0, rounds: 2, runsPerRound: 1,
            sustained: .seconds(120)
        )
        try await runner(record, clock: { .seconds(seconds.next()) }) {
            seconds.value > 60 ? 5 : 2.5
        }.run(plan, progress: { await record.add($0) }, finished: { await record.add($0) })
        let (rows, shares) = await (record.rows, record.shares)
        let run = try XCTUnwrap(rows[0].sustained)
        XCTAssertNil(rows[1].sustained, "the control runs in turns only")
        XCTAssertEqual(run.seconds, 120)
        XCTAssertEqual(run.windows.map(\.predictions), Array(repeating: 10, count: 12))
        XCTAssertEqual(run.windows.map(\.startSeconds), (0..<12).map { Double($0) * 10 })
        XCTAssertEqual(run.windows[0].medianMilliseconds, 2.5)
        XCTAssertEqual(run.slowdown, 2)
        XCTAssertEqual(run.windows[0].thermalState, "nominal")
        XCTAssertEqual(shares.count, 4 + 120)
        XCTAssertEqual(shares.last, 1)
        XCTAssertEqual(rows[0].milliseconds, [2.5, 2.5])
    }

    func testEachFrameworkOfABundleIsMeasured() throws {
        let settings = ModelFolder.settings.replacingOccurrences(of: "\"labels\"", with: """
            "formats": {"coreml": {"file": "tiny.mlpackage", "bytes": 1, "minimum": "iOS18"},
                        "coreai": {"file": "tiny.mlpackage", "bytes": 1, "minimum": "iOS27"}},
            "labels"
            """)
        let (old, new) = (try ModelFolder(), try ModelFolder(settings: settings))
        let plan = BenchmarkPlan(
            bundles: try [old, new].map { try ModelBundle(directory: $0.directory) },
            computeUnits: [.cpu], lengths: [16], frameworks: [.coreAI, .coreML],
            reshapeFrequency: .infrequent, specialization: .fastPrediction
        )
        XCTAssertEqual(plan.steps.map(\.options.framework), [.coreML, .coreAI, .coreML])
        XCTAssertEqual(Set(plan.steps.map(\.options.reshapeFrequency)), [.infrequent])
        XCTAssertEqual(Set(plan.steps.map(\.options.specialization)), [.fastPrediction])
        XCTAssertEqual(Set(plan.groups[0].steps.map(\.options)).count, 2)
    }

    func testCancelledRunKeepsItsRows() async throws {
        let record = Record()
        let plan = try plan(lengths: [16], warmUp: 0, rounds: 1, runsPerRound: 1)
        let runner = runner(record)
        let task = Task {
            try await runner.run(
                plan, progress: { _ in },
                finished: { rows in
                    await record.add(rows)
                    withUnsafeCurrentTask { $0?.cancel() }
                }
            )
        }
        do {
            try await task.value
            XCTFail("no error")
        } catch {
            XCTAssertTrue(error is CancellationError)
        }
        let rows = await record.rows
        XCTAssertEqual(rows.count, 1)
    }

    private func plan(
        lengths: [Int], control: Bool = false, warmUp: Int, rounds: Int, runsPerRound: Int
    ) throws -> BenchmarkPlan {
        let folder = try ModelFolder()
        return BenchmarkPlan(
            bundles: [try ModelBundle(directory: folder.directory)], computeUnits: [.cpu, .all],
            lengths: lengths, control: control, warmUp: warmUp, rounds: rounds,
            runsPerRound: runsPerRound
        )
    }

    private func runner(
        _ record: Record,
        probe: FixedProbe = FixedProbe(),
        sleep: @escaping BenchmarkRunner.Sleep = { _ in },
        clock: BenchmarkRunner.Clock? = nil,
        milliseconds: @escaping @Sendable () -> Double = { 2.5 }
    ) -> BenchmarkRunner {
        BenchmarkRunner(
            load: { step in
                await record.add(load: step.computeUnit.rawValue)
                return LoadedModel(
                    predictor: TimedPredictor(
                        settings: step.bundle.settings, milliseconds: milliseconds
                    ),
                    framework: .coreML, preparationMilliseconds: nil, loadMilliseconds: 7,
                    bytes: 9
                )
            },
            probe: probe,
            sleep: sleep,
            clock: clock
        )
    }
}
