import XCTest

@testable import QuestionAnswering

private struct FixedProbe: DeviceProbe {
    var thermalState: String { "nominal" }
    var memoryBytes: Int { 42 }
}

private actor Record {
    var rows: [BenchmarkRow] = []
    var shares: [Double] = []
    var loads: [String] = []

    func add(_ row: BenchmarkRow) { rows.append(row) }
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
            device: "iPhone0,0", os: "iOS 0.0", app: "1.0",
            rows: [
                BenchmarkRow(
                    model: "tiny-int8", quantization: "int8", layout: "ane", randomWeights: true,
                    computeUnit: .neuralEngine, length: 128, warmUp: 1, milliseconds: [2.5, 2.25],
                    memoryBytes: 1024, thermalStateBefore: "nominal", thermalState: "fair"
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
        let folder = try ModelFolder()
        let plan = BenchmarkPlan(
            bundles: [try ModelBundle(directory: folder.directory)], computeUnits: [.cpu, .all],
            lengths: [32, 64], warmUp: 1, runs: 2
        )
        XCTAssertEqual(plan.steps.map(\.length), [32, 32])
        XCTAssertEqual(plan.steps.map(\.computeUnit), [.cpu, .all])
        XCTAssertEqual(plan.predictions, 6)
    }

    func testRunnerMeasuresEachStepAndLoadsEachUnitOnce() async throws {
        let (folder, record) = (try ModelFolder(), Record())
        let plan = BenchmarkPlan(
            bundles: [try ModelBundle(directory: folder.directory)], computeUnits: [.cpu, .all],
            lengths: [16, 32], warmUp: 2, runs: 3
        )
        try await runner(record).run(
            plan, progress: { await record.add($0) }, finished: { await record.add($0) }
        )
        let (rows, shares, loads) = await (record.rows, record.shares, record.loads)
        XCTAssertEqual(rows.map(\.id), [
            "tiny-int8/cpuOnly/16", "tiny-int8/cpuOnly/32", "tiny-int8/all/16", "tiny-int8/all/32",
        ])
        XCTAssertEqual(rows.map(\.milliseconds), Array(repeating: [2.5, 2.5, 2.5], count: 4))
        XCTAssertEqual(rows[0].memoryBytes, 42)
        XCTAssertEqual(shares.count, 20)
        XCTAssertEqual(shares.last, 1)
        XCTAssertEqual(shares, shares.sorted())
        XCTAssertEqual(loads, ["cpuOnly", "all"])
    }

    func testCancelledRunKeepsItsRows() async throws {
        let (folder, record) = (try ModelFolder(), Record())
        let plan = BenchmarkPlan(
            bundles: [try ModelBundle(directory: folder.directory)], computeUnits: [.cpu, .all],
            lengths: [16], warmUp: 0, runs: 1
        )
        let runner = runner(record)
        let task = Task {
            try await runner.run(
                plan, progress: { _ in },
                finished: { row in
                    await record.add(row)
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

    private func runner(_ record: Record) -> BenchmarkRunner {
        BenchmarkRunner(
            load: { bundle, unit in
                await record.add(load: unit.rawValue)
                return WordFinder(settings: bundle.settings, wanted: [5])
            },
            probe: FixedProbe()
        )
    }
}
