import TextModels
import SwiftUI

/// What one model says: its answer, how sure it is, and the time it took.
struct OutcomeView: View {
    let outcome: AnswerSession.Outcome
    let state: ModelStore.State?

    var body: some View {
        switch outcome {
        case .working:
            WorkingView(state: state)
        case .failed(let reason):
            Label(reason, systemImage: "exclamationmark.triangle")
        case .answered(let report):
            AnswerView(report: report)
            if case .ready(let model) = state { ChecksView(model: model) }
        }
    }
}

private struct AnswerView: View {
    let report: AnswerReport

    var body: some View {
        VStack(alignment: .leading, spacing: 8) {
            if let best = report.value.first, best.range.isEmpty {
                Text("Probably not in this passage").font(.title3.bold())
                Text(Self.confidence(best)).foregroundStyle(.secondary)
            } else if let best = report.value.first {
                Text(best.text).font(.title3.bold())
                Text(Self.confidence(best)).foregroundStyle(.secondary)
            } else {
                Text("This passage has no words to answer with.")
            }
            Text(Self.time(report)).font(.footnote.monospacedDigit()).foregroundStyle(.secondary)
        }
        .accessibilityElement(children: .combine)
        .accessibilityLabel(Self.spoken(report))
        .accessibilityIdentifier("answer")
        if report.value.count > 1 {
            DisclosureGroup("Other answers") {
                ForEach(report.value.dropFirst().prefix(4), id: \.range) { answer in
                    LabeledContent(answer.text, value: Self.percent(answer.probability))
                }
            }
        }
    }

    private static func percent(_ share: Double) -> String {
        share.formatted(.percent.precision(.fractionLength(0)))
    }

    private static func number(_ value: Double) -> String {
        value.formatted(.number.precision(.fractionLength(1)))
    }

    private static func confidence(_ answer: Answer) -> String {
        String(localized: "\(percent(answer.probability)) sure, score \(number(answer.score))")
    }

    private static func time(_ report: AnswerReport) -> String {
        let lengths = report.lengths.map(String.init).joined(separator: " + ")
        let model = number(report.inferenceMilliseconds)
        let text = number(report.tokenizationMilliseconds)
        return String(localized: "model \(model) ms at length \(lengths), text \(text) ms")
    }

    private static func spoken(_ report: AnswerReport) -> String {
        guard let best = report.value.first, !best.range.isEmpty else {
            return String(localized: "No answer")
        }
        let (sure, time) = (percent(best.probability), number(report.inferenceMilliseconds))
        return String(
            localized: "Answer: \(best.text). \(sure) sure. The model took \(time) milliseconds."
        )
    }
}
