import TextModels
import SwiftUI

/// One measured row: what, the median and the tail, heat and memory.
struct BenchmarkRowView: View {
    let row: BenchmarkRow
    /// Time of the first model / time of this one.
    let ratio: TimeRatio?

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Text("\(name), \(row.computeUnit.title), \(row.length) tokens").font(.headline)
            if let statistics = row.statistics {
                ViewThatFits(in: .horizontal) {
                    HStack(spacing: 16) { figures(statistics) }
                    VStack(alignment: .leading) { figures(statistics) }
                }
                .font(.body.monospacedDigit())
            }
            if let ratio { Text(Self.comparison(ratio)).font(.footnote) }
            if let checks = row.checks, !checks.passed {
                Label("Does not compute as at its export", systemImage: "exclamationmark.triangle")
            }
            if let run = row.sustained, let slowdown = run.slowdown {
                Text(Self.sustained(run, slowdown)).font(.footnote)
            }
            if let plan = row.computePlan { Text(Self.places(plan)).font(.footnote) }
            Text("\(row.thermalStateBefore) → \(row.thermalState), \(memory)")
                .font(.footnote)
                .foregroundStyle(.secondary)
        }
        .accessibilityElement(children: .ignore)
        .accessibilityLabel(spoken)
    }

    @ViewBuilder
    private func figures(_ statistics: Statistics) -> some View {
        Text("median \(Self.number(statistics.median))")
        Text("p90 \(Self.number(statistics.p90))")
        Text("p99 \(Self.number(statistics.p99))")
    }

    private var name: String {
        let framework = row.framework.map { ", \($0.title)" } ?? ""
        let name = row.isControl == true ? String(localized: "\(row.model) (control)") : row.model
        return name + framework
    }

    private static func comparison(_ ratio: TimeRatio) -> String {
        let (value, low, high) = (number(ratio.ratio), number(ratio.low), number(ratio.high))
        return String(localized: "\(value) times as fast as the first (95%: \(low) to \(high))")
    }

    private static func sustained(_ run: SustainedRun, _ slowdown: Double) -> String {
        let (value, minutes) = (number(slowdown), number(run.seconds / 60))
        return String(localized: "\(value) times as slow after \(minutes) minutes without a pause")
    }

    private static func places(_ plan: ComputePlanShares) -> String {
        let shares = [plan.neuralEngine, plan.gpu, plan.cpu].map {
            $0.cost.formatted(.percent.precision(.fractionLength(0)))
        }
        return String(
            localized: "Neural Engine \(shares[0]), GPU \(shares[1]), CPU \(shares[2]) of the cost"
        )
    }

    private var memory: String {
        Int64(row.memoryBytes).formatted(.byteCount(style: .memory))
    }

    private var spoken: String {
        let median = row.statistics.map { Self.number($0.median) } ?? "–"
        let (unit, length, state) = (row.computeUnit.title, row.length, row.thermalState)
        return String(
            localized: "\(name), \(unit), \(length) tokens: median \(median) milliseconds, \(state)"
        )
    }

    private static func number(_ value: Double) -> String {
        value.formatted(.number.precision(.fractionLength(2)))
    }
}
