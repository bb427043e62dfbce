import XCTest

@testable import TextModels

final class BenchmarkReportTests: XCTestCase {
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
                    rounds: [0, 1], isControl: false, framework: .coreML,
                    compileMilliseconds: 250.5, loadMilliseconds: 31.25,
                    firstPredictionMilliseconds: 12.5, packageBytes: 4096, peakMemoryBytes: 2048,
                    isLowPower: false, batteryLevel: 0.75, isCharging: true,
                    computePlan: ComputePlanShares(
                        neuralEngine: .init(operations: 0.75, cost: 0.875),
                        gpu: .init(operations: 0, cost: 0),
                        cpu: .init(operations: 0.25, cost: 0.125)
                    ),
                    reshapeFrequency: .infrequent, specialization: .fastPrediction,
                    checks: ModelChecks(count: 3, difference: 0.0078125),
                    sustained: SustainedRun(seconds: 20, windows: [
                        .init(
                            startSeconds: 0, predictions: 4, medianMilliseconds: 2.5,
                            p90Milliseconds: 2.75, thermalState: "nominal"
                        ),
                        .init(
                            startSeconds: 10, predictions: 2, medianMilliseconds: 5,
                            p90Milliseconds: 5.5, thermalState: "serious"
                        ),
                    ])
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

    func testSharesOfAComputePlan() throws {
        XCTAssertNil(ComputePlanShares(operations: []))
        let shares = try XCTUnwrap(ComputePlanShares(operations: [
            (.neuralEngine, 3), (.neuralEngine, 3), (.cpu, 1), (.gpu, 1),
        ]))
        XCTAssertEqual(shares.neuralEngine, .init(operations: 0.5, cost: 0.75))
        XCTAssertEqual(shares.cpu, .init(operations: 0.25, cost: 0.125))
    }
}
