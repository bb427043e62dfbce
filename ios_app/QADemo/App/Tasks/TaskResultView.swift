import SwiftUI
import TextModels

/// What a model says of a text.
struct TaskResultView: View {
    let result: TaskResult
    let text: String

    var body: some View {
        Section("Result") {
            switch result {
            case .labels(let report):
                rows(report.value.map { ($0.label, $0.probability.formatted(Self.percent)) })
            case .values(let report):
                rows(report.value.enumerated().map { number, value in
                    ("\(number + 1)", value.formatted(Self.number))
                })
            case .entities(let report):
                EntitiesView(text: text, entities: report.value)
            case .neighbours(let report):
                rows(report.value.map { ($0.text, $0.similarity.formatted(Self.number)) })
            case .passages(let report):
                rows(report.value.map { ($0.text, $0.score.formatted(Self.number)) })
            }
        }
        .accessibilityIdentifier("task-result")
    }

    /// A line each, the best first.
    @ViewBuilder
    private func rows(_ rows: [(name: String, value: String)]) -> some View {
        ForEach(Array(rows.enumerated()), id: \.offset) { row in
            LabeledContent(row.element.name, value: row.element.value)
        }
    }

    private static let percent = FloatingPointFormatStyle<Double>.Percent()
        .precision(.fractionLength(1))
    private static let number = FloatingPointFormatStyle<Double>.number
        .precision(.fractionLength(3))
}

/// A text with its entities marked, and a list of them.
private struct EntitiesView: View {
    let text: String
    let entities: [Entity]

    var body: some View {
        Text(MarkedText.marked(text, entities.map(\.range)))
            .accessibilityLabel("Text")
            .accessibilityValue(text)
        if entities.isEmpty { Text("No names in this text.") }
        ForEach(entities, id: \.range) { entity in
            LabeledContent(entity.text, value: "\(entity.label), \(Self.sure(entity))")
        }
    }

    private static func sure(_ entity: Entity) -> String {
        entity.probability.formatted(.percent.precision(.fractionLength(0)))
    }
}
