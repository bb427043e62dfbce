#if canImport(CoreML)
import CoreML
import Foundation
import QuestionAnswering

/// Packages compiled for this device.
///
/// The app carries packages as the exporter wrote them, two bundles with files of the same names
/// side by side; Xcode would compile each into the root of the app and lose which vocabulary
/// belongs to it. So a package is compiled at its first use and kept in the caches folder, which
/// the system may empty: then it is compiled again.
public actor CompiledModelCache {
    public static let standard = CompiledModelCache(
        directory: FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask)[0]
            .appendingPathComponent("CompiledModels", isDirectory: true)
    )

    private let directory: URL

    public init(directory: URL) {
        self.directory = directory
    }

    /// Where the compiled model of a bundle is; compiles it when there is none.
    public func compiledModel(for bundle: ModelBundle) async throws -> URL {
        let target = directory.appendingPathComponent(try name(for: bundle), isDirectory: true)
        if FileManager.default.fileExists(atPath: target.path) { return target }
        let compiled = try await MLModel.compileModel(at: bundle.packageURL)
        // Another call may have come here while this one waited.
        if FileManager.default.fileExists(atPath: target.path) { return target }
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try FileManager.default.moveItem(at: compiled, to: target)
        return target
    }

    /// Name of the compiled model: a package has new identifiers in its manifest each time it is
    /// exported, and a new system may compile otherwise.
    private func name(for bundle: ModelBundle) throws -> String {
        let file = bundle.packageURL.appendingPathComponent("Manifest.json")
        let manifest = try Data(contentsOf: file)
        let system = ProcessInfo.processInfo.operatingSystemVersionString
        let key = Fingerprint.of(manifest + Data(system.utf8))
        return "\(bundle.id)-\(key).mlmodelc"
    }
}
#endif
