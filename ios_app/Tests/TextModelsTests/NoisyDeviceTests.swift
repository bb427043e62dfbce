import XCTest

@testable import TextModels

/// A device as phones are: its speed drifts, and now and then something else runs.
private actor NoisyDevice {
    private var generator: SplitMix64
    private var logSpeed = 0.0

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// The next time of a model that takes `milliseconds` on an idle device.
    func time(_ milliseconds: Double) -> Double {
        logSpeed += 0.02 * normal()
        let spike = uniform() < 0.05 ? 1 - log(uniform()) : 1
        return milliseconds * exp(logSpeed + 0.05 * normal()) * spike
    }

    private func uniform() -> Double { Double.random(in: 1e-12..<1, using: &generator) }

    private func normal() -> Double {
        sqrt(-2 * log(uniform())) * cos(2 * Double.pi * uniform())
    }
}

private struct NoisyPredictor: ModelPredictor {
    let settings: ModelSettings
    let device: NoisyDevice
    let milliseconds: Double

    func predict(_ input: ModelInput) async throws -> ModelOutputs {
        ModelOutputs(tensors: [:], milliseconds: await device.time(milliseconds))
    }
}

private actor Measured {
    var rows: [BenchmarkRow] = []
    func add(_ measured: [BenchmarkRow]) { rows += measured }
}

/// The A/A experiment: the same model under two names must not differ from itself.
final class NoisyDeviceTests: XCTestCase {
    #if DEBUG
    private let experiments = 40
    #else
    private let experiments = 200
    #endif

    func testTheSameModelInTurnsDoesNotDifferFromItself() async throws {
        let alarms = try await alarms(inBlocks: false, control: 4)
        print("A/A in turns: \(alarms) of \(experiments) intervals exclude 1")
        XCTAssertLessThan(Double(alarms), 0.05 * Double(experiments))
    }

    /// The same noise, one model after the other: what the turns are good for.
    func testTheSameModelInBlocksSeemsToDiffer() async throws {
        let alarms = try await alarms(inBlocks: true, control: 4)
        print("A/A in blocks: \(alarms) of \(experiments) intervals exclude 1")
        XCTAssertGreaterThan(Double(alarms), 0.25 * Double(experiments))
    }

    /// A model that is 10% faster is found to be so.
    func testADifferenceIsFound() async throws {
        let found = try await alarms(inBlocks: false, control: 3.6)
        print("10% in turns: \(found) of \(experiments) intervals exclude 1")
        XCTAssertGreaterThan(Double(found), 0.9 * Double(experiments))
    }

    /// How many experiments say that a model of `control` ms differs from one of 4 ms.
    private func alarms(inBlocks: Bool, control: Double) async throws -> Int {
        let folder = try ModelFolder()
        let bundle = try ModelBundle(directory: folder.directory)
        var alarms = 0
        for experiment in 0..<experiments {
            let device = NoisyDevice(seed: UInt64(experiment))
            let measured = Measured()
            let runner = BenchmarkRunner(
                load: { step in
                    LoadedModel(
                        predictor: NoisyPredictor(
                            settings: step.bundle.settings, device: device,
                            milliseconds: step.isControl ? control : 4
                        ),
                        framework: .coreML, preparationMilliseconds: nil, loadMilliseconds: 0,
                        bytes: 0
                    )
                },
                probe: FixedProbe()
            )
            // In blocks: two plans of one model each, one after the other.
            for _ in 0..<(inBlocks ? 2 : 1) {
                let plan = BenchmarkPlan(
                    bundles: [bundle], computeUnits: [.cpu], lengths: [16], control: !inBlocks
                )
                try await runner.run(
                    plan, progress: { _ in }, finished: { await measured.add($0) }
                )
            }
            let rows = await measured.rows
            XCTAssertEqual(rows.count, 2)
            let ratio = TimeRatio(baseline: rows[0], other: rows[1], resamples: 300)
            if try XCTUnwrap(ratio).isDifference { alarms += 1 }
        }
        return alarms
    }
}
