import Foundation
import Observation
import TextModels

/// A download of a model: what is to be fetched, and how far it is.
@MainActor
@Observable
final class ModelDownload {
    /// Of the session that goes on while the app is suspended.
    nonisolated static let session = "QADemo.models"
    /// One for the whole app: a session has its identifier alone.
    nonisolated static let fetcher = URLSessionFetcher(background: session)

    var address = ""
    var digest = ""
    /// From 0 to 1 while downloading, else nil.
    private(set) var progress: Double?
    private(set) var problem: String?
    private let store: ModelStore
    private let downloader: ModelDownloader
    private var task: Task<Void, Never>?

    init(store: ModelStore) {
        self.store = store
        downloader = ModelDownloader(
            models: ModelStore.downloadsDirectory, fetcher: Self.fetcher
        )
    }

    func start() {
        guard progress == nil else { return }
        problem = nil
        guard let manifest = URL(string: address), manifest.scheme == "https" else {
            problem = String(localized: "The address must begin with https://")
            return
        }
        progress = 0
        task = Task {
            do {
                let bundle = try await downloader.download(
                    manifest, sha256: digest, progress: { [weak self] in await self?.show($0) }
                )
                // One of the same name may be in memory.
                await store.forget(bundle)
                store.refresh()
            } catch is CancellationError {
                problem = String(localized: "Stopped; what has been fetched is kept.")
            } catch {
                problem = error.localizedDescription
            }
            progress = nil
        }
    }

    func cancel() { task?.cancel() }

    private func show(_ share: Double) { progress = share }
}
