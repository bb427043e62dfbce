import SwiftUI
import TextModels

/// Shown when the app carries no model it can use.
struct NoModelView: View {
    /// Nil: of any task.
    var task: TextTask?
    let problems: [String]

    var body: some View {
        ContentUnavailableView {
            Label("No model", systemImage: "shippingbox")
        } description: {
            Text("Export one on your computer and build the app again:")
            Text(command)
                .font(.footnote.monospaced())
                .textSelection(.enabled)
            ForEach(problems, id: \.self) { Text($0) }
        }
    }

    private var command: String {
        let options = task.map { " --task \($0.rawValue) --model CHECKPOINT" } ?? ""
        return "python -m export.coreml --app" + options
    }
}

struct NoModelViewPreviews: PreviewProvider {
    static var previews: some View {
        NoModelView(task: .embedding, problems: ["qa-mini: the folder has no model.json"])
    }
}
