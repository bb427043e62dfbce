import SwiftUI

/// Edits the passage, or replaces it by what is on the pasteboard.
struct PassageEditor: View {
    @Binding var passage: String
    @Environment(\.dismiss) private var dismiss

    var body: some View {
        NavigationStack {
            TextEditor(text: $passage)
                .padding(.horizontal)
                .accessibilityLabel("Passage")
                .navigationTitle("Passage")
                .toolbar {
                    ToolbarItem(placement: .topBarLeading) {
                        PasteButton(payloadType: String.self) { texts in
                            if let text = texts.first { passage = text }
                        }
                    }
                    ToolbarItem(placement: .confirmationAction) {
                        Button("Done") { dismiss() }
                    }
                }
        }
    }
}
