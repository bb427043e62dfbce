import TextModels
import SwiftUI

/// What one model says: its answer, how sure it is, and the time it took.
struct OutcomeView: View {
    let outcome: AnswerSession.Outcome

    var body: some View {
        switch outcome {
        case .working:
            HStack {
                ProgressView()
                Text("Working; a new model is compiled first")
            }
        case .failed(let reason):
            Label(reason, systemImage: "exclamationmark.triangle")
        case .answered(let report):
            AnswerView(report: report)
        }
    }
}

private struct AnswerView: View {
    let report: AnswerReport

    var body: some View {
        VStack(alignment: .leading, spacing: 8) {
            if let best = report.value.first {
                Text(best.text).font(.title3.bold())
                Text(Self.confidence(best)).foregroundStyle(.secondary)
            } else {
                Text("This passage has no words to answer with.")
            }
            Text(Self.time(report)).font(.footnote.monospacedDigit()).foregroundStyle(.secondary)
        }
        .accessibilityElement(children: .combine)
        .accessibilityLabel(Self.spoken(report))
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
        "\(percent(answer.probability)) sure, score \(number(answer.score))"
    }

    private static func time(_ report: AnswerReport) -> String {
        let lengths = report.lengths.map(String.init).joined(separator: " + ")
        return "model \(number(report.inferenceMilliseconds)) ms at length \(lengths), "
            + "text \(number(report.tokenizationMilliseconds)) ms"
    }

    private static func spoken(_ report: AnswerReport) -> String {
        guard let best = report.value.first else { return "No answer" }
        return "Answer: \(best.text). \(percent(best.probability)) sure. "
            + "The model took \(number(report.inferenceMilliseconds)) milliseconds."
    }
}
