import SwiftUI
import TextModels

/// What a model is waiting for.
struct WorkingView: View {
    let state: ModelStore.State?

    var body: some View {
        HStack {
            ProgressView()
            switch state {
            case .loading(.waiting): Text("Waiting for another model")
            case .loading(.preparing): Text("Preparing the model for this device, once")
            case .loading(.loading): Text("Loading the model")
            case .loading(.checking): Text("Comparing the model with its export")
            case .ready, .failed, nil: Text("Working")
            }
        }
        .accessibilityElement(children: .combine)
        .accessibilityIdentifier("working")
    }
}

/// Whether a loaded model computes here what it computed at its export.
struct ChecksView: View {
    let model: LoadedModel

    var body: some View {
        Group {
            switch model.checks {
            case nil:
                Label("There are no checks for this file", systemImage: "questionmark.circle")
            case .some(let checks) where checks.passed:
                Label("Computes as at its export: \(off(checks))", systemImage: "checkmark.seal")
            case .some(let checks):
                Label(
                    "Does not compute as at its export: \(off(checks))",
                    systemImage: "exclamationmark.triangle"
                )
            }
        }
        .font(.footnote)
        .accessibilityIdentifier("checks")
    }

    private func off(_ checks: ModelChecks) -> String {
        guard let difference = checks.difference else {
            return String(localized: "an output is missing or not finite")
        }
        let percent = difference.formatted(.percent.precision(.fractionLength(2)))
        return String(localized: "off by \(percent) at most")
    }
}
