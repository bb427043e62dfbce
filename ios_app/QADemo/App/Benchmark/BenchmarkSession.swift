import Foundation
import Observation
import QuestionAnswering
import QuestionAnsweringCoreML
import UIKit

/// What the benchmark screen shows and does.
@MainActor
@Observable
final class BenchmarkSession {
    let store: ModelStore
    var models: Set<ModelBundle.ID>
    var computeUnits: Set<ComputeUnit> = [.all, .cpu]
    var lengths: Set<Int>
    var warmUp = 5
    var runs = 50
    private(set) var rows: [BenchmarkRow] = []
    /// From 0 to 1 while measuring, else nil.
    private(set) var progress: Double?
    private(set) var problem: String?
    private(set) var reportFile: URL?
    private var task: Task<Void, Never>?

    init(store: ModelStore) {
        self.store = store
        models = Set(store.bundles.map(\.id))
        lengths = Set(store.bundles.flatMap(\.settings.lengths))
    }

    var isRunning: Bool { progress != nil }
    var availableLengths: [Int] { Set(store.bundles.flatMap(\.settings.lengths)).sorted() }

    var plan: BenchmarkPlan {
        BenchmarkPlan(
            bundles: store.bundles.filter { models.contains($0.id) },
            computeUnits: ComputeUnit.allCases.filter(computeUnits.contains),
            lengths: lengths.sorted(),
            warmUp: warmUp,
            runs: runs
        )
    }

    /// Measures the plan; the screen stays on, since a locked phone measures nothing, and no
    /// question is answered meanwhile.
    func start() {
        guard !isRunning else { return }
        (rows, problem, reportFile, progress) = ([], nil, nil, 0)
        store.isMeasuring = true
        UIApplication.shared.isIdleTimerDisabled = true
        let plan = plan
        task = Task {
            await measure(plan)
            progress = nil
            store.isMeasuring = false
            UIApplication.shared.isIdleTimerDisabled = false
        }
    }

    /// Stops after the prediction now running; rows already measured stay.
    func cancel() { task?.cancel() }

    private func measure(_ plan: BenchmarkPlan) async {
        let runner = BenchmarkRunner(
            load: { try await CoreMLSpanPredictor.load($0, computeUnit: $1) },
            probe: DeviceState()
        )
        do {
            try await runner.run(
                plan,
                progress: { [weak self] share in await self?.show(share) },
                finished: { [weak self] row in await self?.add(row) }
            )
        } catch is CancellationError {
            problem = "Stopped; the rows below were measured before."
        } catch {
            problem = error.localizedDescription
        }
        if !rows.isEmpty { writeReport() }
    }

    private func show(_ share: Double) { progress = share }

    private func add(_ row: BenchmarkRow) { rows.append(row) }

    private func writeReport() {
        let system = UIDevice.current
        let report = BenchmarkReport(
            device: DeviceState.modelIdentifier,
            os: "\(system.systemName) \(system.systemVersion)",
            app: Bundle.main.infoDictionary?["CFBundleShortVersionString"] as? String ?? "0",
            rows: rows
        )
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("device-results.json")
        do {
            try report.json().write(to: file, options: .atomic)
            reportFile = file
        } catch {
            problem = "The results could not be written: \(error.localizedDescription)"
        }
    }
}
