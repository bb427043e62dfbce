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
            if let ratio {
                Text("\(Self.number(ratio.ratio)) times as fast as the first "
                    + "(95%: \(Self.number(ratio.low)) to \(Self.number(ratio.high)))")
                    .font(.footnote)
            }
            if let checks = row.checks, !checks.passed {
                Label("Does not compute as at its export", systemImage: "exclamationmark.triangle")
            }
            if let slowdown = row.sustained?.slowdown, let run = row.sustained {
                Text("\(Self.number(slowdown)) times as slow after "
                    + "\(Self.number(run.seconds / 60)) minutes without a pause")
                    .font(.footnote)
            }
            if let plan = row.computePlan {
                Text("Neural Engine \(Self.percent(plan.neuralEngine)), "
                    + "GPU \(Self.percent(plan.gpu)), CPU \(Self.percent(plan.cpu)) of the cost")
                    .font(.footnote)
            }
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

    private static func percent(_ share: ComputePlanShares.Share) -> String {
        share.cost.formatted(.percent.precision(.fractionLength(0)))
    }

    private var memory: String {
        Int64(row.memoryBytes).formatted(.byteCount(style: .memory))
    }

    private var spoken: String {
        let median = row.statistics.map { Self.number($0.median) } ?? "unknown"
        return "\(name) on \(row.computeUnit.title), \(row.length) tokens: "
            + "median \(median) milliseconds, thermal state \(row.thermalState), memory \(memory)"
    }

    private static func number(_ value: Double) -> String {
        value.formatted(.number.precision(.fractionLength(2)))
    }
}
