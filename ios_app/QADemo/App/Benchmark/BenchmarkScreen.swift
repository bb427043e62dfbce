import TextModels
import SwiftUI

/// Measures models × compute units × lengths and shares the result as JSON.
struct BenchmarkScreen: View {
    @State var session: BenchmarkSession

    var body: some View {
        NavigationStack {
            Group {
                if session.store.bundles.isEmpty {
                    NoModelView(problems: session.store.problems)
                } else {
                    form
                }
            }
            .navigationTitle("Benchmark")
        }
    }

    private var form: some View {
        Form {
            PlanSections(session: session).disabled(session.isRunning)
            RunSection(session: session)
            if !session.rows.isEmpty {
                Section("Neural inference alone, in ms") {
                    ForEach(session.rows) {
                        BenchmarkRowView(row: $0, ratio: session.ratio(of: $0))
                    }
                }
            }
        }
    }
}

/// What is to be measured.
private struct PlanSections: View {
    @Bindable var session: BenchmarkSession

    var body: some View {
        Section("Models") {
            ForEach(session.store.bundles) { bundle in
                Toggle(bundle.title, isOn: $session.models.contains(bundle.id))
            }
        }
        Section("Compute units") {
            ForEach(ComputeUnit.allCases, id: \.self) { unit in
                Toggle(unit.title, isOn: $session.computeUnits.contains(unit))
            }
        }
        Section("Lengths in tokens") {
            ForEach(session.availableLengths, id: \.self) { length in
                Toggle("\(length)", isOn: $session.lengths.contains(length))
            }
        }
        Section("Rounds in turns") {
            Stepper("\(session.rounds) rounds", value: $session.rounds, in: 10...200, step: 10)
            Stepper("\(session.warmUp) to warm up", value: $session.warmUp, in: 0...50)
            Toggle("First model twice, as a control", isOn: $session.control)
            Stepper(
                "\(session.sustainedMinutes) minutes without a pause",
                value: $session.sustainedMinutes, in: 0...30
            )
        }
        Section("Loading") {
            Toggle("Both frameworks", isOn: $session.bothFrameworks)
            Picker("Length changes", selection: $session.reshapeFrequency) {
                Text("Often").tag(ReshapeFrequency.frequent)
                Text("Rarely").tag(ReshapeFrequency.infrequent)
            }
            Picker("Specialise for", selection: $session.specialization) {
                Text("The system's choice").tag(SpecializationStrategy.balanced)
                Text("Fast prediction").tag(SpecializationStrategy.fastPrediction)
            }
        }
    }
}

/// Start, progress, stop, share.
private struct RunSection: View {
    let session: BenchmarkSession

    var body: some View {
        Section {
            if let progress = session.progress {
                ProgressView("Measuring", value: progress)
                    .accessibilityValue(progress.formatted(.percent.precision(.fractionLength(0))))
                Button("Stop", systemImage: "stop.fill", role: .cancel) { session.cancel() }
            } else {
                Button("Measure", systemImage: "play.fill") { session.start() }
                    .disabled(session.plan.steps.isEmpty)
                    .accessibilityIdentifier("measure")
            }
            if let problem = session.problem {
                Label(problem, systemImage: "exclamationmark.triangle")
            }
            if let file = session.reportFile {
                ShareLink("Share the results", item: file)
            }
        } footer: {
            Text("\(session.plan.predictions) predictions. Text to tokens is not in the times.")
        }
    }
}

extension Binding {
    /// Whether a set holds a value, as something a switch can change.
    func contains<Element>(_ element: Element) -> Binding<Bool> where Value == Set<Element> {
        Binding<Bool>(
            get: { wrappedValue.contains(element) },
            set: { isIn in
                if isIn { wrappedValue.insert(element) } else { wrappedValue.remove(element) }
            }
        )
    }
}
