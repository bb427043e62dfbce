import QuestionAnswering
import SwiftUI

/// One measured row: what, the median and the tail, heat and memory.
struct BenchmarkRowView: View {
    let row: BenchmarkRow

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Text("\(row.model), \(row.computeUnit.title), \(row.length) tokens").font(.headline)
            if let statistics = row.statistics {
                ViewThatFits(in: .horizontal) {
                    HStack(spacing: 16) { figures(statistics) }
                    VStack(alignment: .leading) { figures(statistics) }
                }
                .font(.body.monospacedDigit())
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

    private var memory: String {
        Int64(row.memoryBytes).formatted(.byteCount(style: .memory))
    }

    private var spoken: String {
        let median = row.statistics.map { Self.number($0.median) } ?? "unknown"
        return "\(row.model) on \(row.computeUnit.title), \(row.length) tokens: "
            + "median \(median) milliseconds, thermal state \(row.thermalState), memory \(memory)"
    }

    private static func number(_ value: Double) -> String {
        value.formatted(.number.precision(.fractionLength(2)))
    }
}
