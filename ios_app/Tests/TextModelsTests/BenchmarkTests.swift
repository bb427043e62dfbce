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

private actor Record {
    var rows: [BenchmarkRow] = []
    var shares: [Double] = []
    var loads: [String] = []

    func add(_ measured: [BenchmarkRow]) { rows += measured }
    func add(_ share: Double) { shares.append(share) }
    func add(load: String) { loads.append(load) }
}

final class BenchmarkTests: XCTestCase {
    func testPercentilesAreThoseOfNumPy() throws {
        // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [50, 90, 99])
        let statistics = try XCTUnwrap(Statistics([3, 1, 4, 1, 5, 9, 2, 6]))
        XCTAssertEqual(statistics.median, 3.5)
        XCTAssertEqual(statistics.p90, 6.9, accuracy: 1e-12)
        XCTAssertEqual(statistics.p99, 8.79, accuracy: 1e-12)
        XCTAssertEqual([statistics.minimum, statistics.maximum], [1, 9])
        XCTAssertEqual(Statistics([7])?.p99, 7)
        XCTAssertNil(Statistics([]))
    }

    /// Golden/report.json is also read by the kit's own reader, in its Python tests.
    func testReportIsInTheSchemaOfTheKit() throws {
        let wanted = try GoldenSet.committed().data("report.json")
        var report = BenchmarkReport(
            device: "iPhone0,0", os: "iOS 0.0", build: "0A0", app: "1.0",
            configuration: "release", debugger: false,
            rows: [
                BenchmarkRow(
                    model: "tiny-int8", quantization: "int8", layout: "ane", randomWeights: true,
                    computeUnit: .neuralEngine, length: 128, warmUp: 1, milliseconds: [2.5, 2.25],
                    memoryBytes: 1024, thermalStateBefore: "nominal", thermalState: "fair",
                    rounds: [0, 1], isControl: false, framework: "coreml",
                    compileMilliseconds: 250.5, loadMilliseconds: 31.25,
                    firstPredictionMilliseconds: 12.5, packageBytes: 4096, peakMemoryBytes: 2048,
                    isLowPower: false, batteryLevel: 0.75, isCharging: true,
                    computePlan: ComputePlanShares(
                        neuralEngine: .init(operations: 0.75, cost: 0.875),
                        gpu: .init(operations: 0, cost: 0),
                        cpu: .init(operations: 0.25, cost: 0.125)
                    )
                )
            ],
            created: Date(timeIntervalSince1970: 0)
        )
        XCTAssertEqual(try JSONDecoder().decode(BenchmarkReport.self, from: wanted), report)
        let written = try JSONSerialization.jsonObject(with: report.json()) as? NSDictionary
        XCTAssertNotNil(written)
        XCTAssertEqual(written, try JSONSerialization.jsonObject(with: wanted) as? NSDictionary)
        report.rows = []
        XCTAssertEqual(try JSONDecoder().decode(BenchmarkReport.self, from: report.json()), report)
    }

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

    func testSharesOfAComputePlan() throws {
        XCTAssertNil(ComputePlanShares(operations: []))
        let shares = try XCTUnwrap(ComputePlanShares(operations: [
            (.neuralEngine, 3), (.neuralEngine, 3), (.cpu, 1), (.gpu, 1),
        ]))
        XCTAssertEqual(shares.neuralEngine, .init(operations: 0.5, cost: 0.75))
        XCTAssertEqual(shares.cpu, .init(operations: 0.25, cost: 0.125))
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
        sleep: @escaping BenchmarkRunner.Sleep = { _ in }
    ) -> BenchmarkRunner {
        BenchmarkRunner(
            load: { step in
                await record.add(load: step.computeUnit.rawValue)
                return BenchmarkSubject(
                    predictor: WordFinder(settings: step.bundle.settings, wanted: [5]),
                    framework: "coreml", compileMilliseconds: nil, loadMilliseconds: 7,
                    packageBytes: nil, computePlan: nil
                )
            },
            probe: probe,
            sleep: sleep
        )
    }
}
