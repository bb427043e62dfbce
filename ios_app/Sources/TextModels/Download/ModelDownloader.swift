import Foundation

/// Fetches files from a server.
public protocol FileFetcher: Sendable {
    /// Leaves the content of `url` in `file`, whose folder exists.
    ///
    /// - Throws: `TextModelsError.failedDownload`; `CancellationError`.
    func fetch(_ url: URL, to file: URL) async throws
}

/// Downloads bundles, so that a model need not be in the app.
///
/// A bundle takes its place once every file of it has the size and the SHA-256 of its manifest, and
/// model.json and the tokenizer can be read. What an interrupted download has already fetched is
/// kept and used by the next.
public actor ModelDownloader {
    public typealias Progress = @Sendable (Double) async -> Void

    private let models: URL
    private let fetcher: any FileFetcher

    /// - Parameter models: folder of the bundles; it is made where there is none.
    public init(models: URL, fetcher: any FileFetcher) {
        self.models = models
        self.fetcher = fetcher
    }

    /// Downloads one bundle; another of the same name makes way for it at the end.
    ///
    /// - Parameters:
    ///   - manifest: address of the manifest, which is beside the bundle's folder.
    ///   - sha256: of the manifest, in hexadecimal, as the app knows it: whoever holds the server
    ///     cannot put another model in.
    ///   - progress: called after each file with the share of bytes that are there, from 0 to 1.
    /// - Throws: `TextModelsError`; `CancellationError`; errors of the file system.
    public func download(
        _ manifest: URL, sha256: String, progress: Progress = { _ in }
    ) async throws -> ModelBundle {
        let digest = sha256.lowercased()
        guard digest.utf8.count == 64, digest.allSatisfy(\.isHexDigit) else {
            throw Self.failure(manifest, "“\(sha256)” is no SHA-256")
        }
        let staging = models.appendingPathComponent(".downloads/\(digest)", isDirectory: true)
        let list = try await read(manifest, digest, in: staging)
        let folder = staging.appendingPathComponent(list.name, isDirectory: true)
        var done = 0
        for file in list.files {
            try Task.checkCancellation()
            let target = folder.appendingPathComponent(file.path)
            if !Self.isThere(file, target) {
                let source = manifest.deletingLastPathComponent()
                    .appendingPathComponent(list.name).appendingPathComponent(file.path)
                try await fetch(source, to: target)
                try Self.check(file, target)
            }
            done += file.bytes
            await progress(Double(done) / Double(max(list.bytes, 1)))
        }
        _ = try ModelBundle(directory: folder).tokenizer()
        return try place(folder, list.name, staging)
    }

    private func read(
        _ manifest: URL, _ digest: String, in staging: URL
    ) async throws -> DownloadManifest {
        let file = staging.appendingPathComponent("manifest.json")
        try await fetch(manifest, to: file)
        let content = try Data(contentsOf: file)
        guard SHA256.hexadecimal(content) == digest else {
            try? FileManager.default.removeItem(at: staging)
            throw Self.failure(manifest, "it has another SHA-256 than the app expects")
        }
        return try DownloadManifest(json: content)
    }

    private func fetch(_ source: URL, to target: URL) async throws {
        try FileManager.default.createDirectory(
            at: target.deletingLastPathComponent(), withIntermediateDirectories: true
        )
        try? FileManager.default.removeItem(at: target)
        try await fetcher.fetch(source, to: target)
    }

    private static func isThere(_ file: DownloadManifest.File, _ target: URL) -> Bool {
        FileManager.default.fileExists(atPath: target.path) && (try? check(file, target)) != nil
    }

    /// A wrong file is removed, so that the next download fetches it again.
    private static func check(_ file: DownloadManifest.File, _ target: URL) throws {
        let size = try target.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? -1
        var reason: String?
        if size != file.bytes {
            reason = "it has \(size) bytes (expected \(file.bytes))"
        } else if try SHA256.hexadecimal(contentsOf: target) != file.sha256.lowercased() {
            reason = "it has another SHA-256 than its manifest says"
        }
        guard let reason else { return }
        try? FileManager.default.removeItem(at: target)
        throw TextModelsError.failedDownload(file: file.path, reason: reason)
    }

    /// Moves a whole bundle to its place.
    private func place(_ folder: URL, _ name: String, _ staging: URL) throws -> ModelBundle {
        let manager = FileManager.default
        let target = models.appendingPathComponent(name, isDirectory: true)
        let older = staging.appendingPathComponent(".older", isDirectory: true)
        if manager.fileExists(atPath: target.path) {
            let settings = target.appendingPathComponent("model.json")
            guard manager.fileExists(atPath: settings.path) else {
                throw TextModelsError.failedDownload(
                    file: name, reason: "a folder of this name is there that is no model"
                )
            }
            try? manager.removeItem(at: older)
            try manager.moveItem(at: target, to: older)
        }
        do {
            try manager.moveItem(at: folder, to: target)
        } catch {
            try? manager.moveItem(at: older, to: target)
            throw error
        }
        try? manager.removeItem(at: staging)
        return try ModelBundle(directory: target)
    }

    private static func failure(_ manifest: URL, _ reason: String) -> TextModelsError {
        .failedDownload(file: manifest.lastPathComponent, reason: reason)
    }
}
