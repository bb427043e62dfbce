import Foundation
import Observation
import TextModels
import TextModelsCoreML
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
    var rounds = 20
    /// Whether the first model is measured a second time.
    var control = false
    /// Each model with each framework that it has a file for, instead of with the newest alone.
    var bothFrameworks = false
    var reshapeFrequency = ReshapeFrequency.frequent
    var specialization = SpecializationStrategy.balanced
    /// How long each model runs without a pause after the turns; 0: not.
    var sustainedMinutes = 0
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
            frameworks: bothFrameworks ? store.loader.frameworks : [],
            reshapeFrequency: reshapeFrequency,
            specialization: specialization,
            control: control,
            warmUp: warmUp,
            rounds: rounds,
            sustained: .seconds(60 * sustainedMinutes)
        )
    }

    /// Measures the plan; the screen stays on, since a locked phone measures nothing, and no
    /// question is answered meanwhile.
    func start() {
        guard !isRunning else { return }
        (rows, problem, reportFile, progress) = ([], nil, nil, 0)
        UIApplication.shared.isIdleTimerDisabled = true
        let plan = plan
        task = Task {
            await store.beginMeasuring()
            await measure(plan)
            progress = nil
            store.endMeasuring()
            UIApplication.shared.isIdleTimerDisabled = false
        }
    }

    /// Stops after the prediction now running; rows already measured stay.
    func cancel() { task?.cancel() }

    private func measure(_ plan: BenchmarkPlan) async {
        let loader = store.loader
        let runner = BenchmarkRunner(
            load: { try await loader.load($0.bundle, $0.options, checking: false) },
            probe: DeviceState(power: { await Self.power() })
        )
        do {
            try await runner.run(
                plan,
                progress: { [weak self] share in await self?.show(share) },
                finished: { [weak self] rows in await self?.add(rows) }
            )
        } catch is CancellationError {
            problem = String(localized: "Stopped; the rows below were measured before.")
        } catch {
            problem = error.localizedDescription
        }
        if !rows.isEmpty { writeReport() }
    }

    private func show(_ share: Double) { progress = share }

    private func add(_ measured: [BenchmarkRow]) { rows += measured }

    /// Time of the first model at the same place / time of this row, once both are measured.
    func ratio(of row: BenchmarkRow) -> TimeRatio? {
        let baseline = rows.first {
            $0.computeUnit == row.computeUnit && $0.length == row.length
        }
        guard let baseline, baseline.id != row.id else { return nil }
        return TimeRatio(baseline: baseline, other: row)
    }

    private static func power() -> PowerState {
        let device = UIDevice.current
        device.isBatteryMonitoringEnabled = true
        let isKnown = device.batteryState != .unknown
        return PowerState(
            batteryLevel: isKnown ? Double(device.batteryLevel) : nil,
            isCharging: isKnown ? device.batteryState != .unplugged : nil
        )
    }

    private static var configuration: String {
        #if DEBUG
        return "debug"
        #else
        return "release"
        #endif
    }

    private func writeReport() {
        let system = UIDevice.current
        let report = BenchmarkReport(
            device: DeviceState.modelIdentifier,
            os: "\(system.systemName) \(system.systemVersion)",
            build: DeviceState.systemBuild,
            app: Bundle.main.infoDictionary?["CFBundleShortVersionString"] as? String ?? "0",
            configuration: Self.configuration,
            debugger: DeviceState.isDebugged,
            rows: rows
        )
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("device-results.json")
        do {
            try report.json().write(to: file, options: .atomic)
            reportFile = file
        } catch {
            problem = String(
                localized: "The results could not be written: \(error.localizedDescription)"
            )
        }
    }
}
