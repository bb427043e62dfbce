import SwiftUI
import TextModels

/// Downloads a model by the address of its manifest and the manifest's SHA-256.
struct DownloadSection: View {
    @Bindable var download: ModelDownload

    var body: some View {
        Section("Download") {
            TextField("Address of a manifest", text: $download.address)
                .textInputAutocapitalization(.never)
                .autocorrectionDisabled()
                .accessibilityIdentifier("download-address")
            TextField("Its SHA-256", text: $download.digest)
                .textInputAutocapitalization(.never)
                .autocorrectionDisabled()
                .accessibilityIdentifier("download-digest")
            if let progress = download.progress {
                ProgressView("Downloading", value: progress)
                Button("Cancel", systemImage: "xmark", role: .cancel) { download.cancel() }
            } else {
                Button("Download", systemImage: "icloud.and.arrow.down") { download.start() }
                    .disabled(download.address.isEmpty || download.digest.isEmpty)
                    .accessibilityIdentifier("download-start")
            }
            if let problem = download.problem {
                Label(problem, systemImage: "exclamationmark.triangle")
            }
        }
    }
}
