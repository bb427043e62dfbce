#if canImport(CoreML)
import CoreML
import Foundation
import TextModels

/// A package compiled for this device.
public struct CompiledModel: Sendable {
    public let url: URL
    /// Nil when it had been compiled before.
    public let milliseconds: Double?
}

/// Packages compiled for this device.
///
/// The app carries packages as the exporter wrote them, two bundles with files of the same names
/// side by side; Xcode would compile each into the root of the app and lose which vocabulary
/// belongs to it. So a package is compiled at its first use and kept in the caches folder, which
/// the system may empty: then it is compiled again. Compiled copies of older exports of the same
/// bundle are removed.
public actor CompiledModelCache {
    public static let standard = CompiledModelCache(
        directory: FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask)[0]
            .appendingPathComponent("CompiledModels", isDirectory: true)
    )

    private let directory: URL
    /// Compilations now running: a second caller waits for the first.
    private var running: [String: Task<CompiledModel, any Error>] = [:]

    public init(directory: URL) {
        self.directory = directory
    }

    /// The compiled model of a bundle; compiles it when there is none.
    public func compiledModel(for bundle: ModelBundle) async throws -> CompiledModel {
        guard let package = bundle.url(for: .coreML) else {
            throw TextModelsError.missingFile(bundle.settings.package)
        }
        let name = try Self.name(for: package, of: bundle)
        let target = directory.appendingPathComponent(name, isDirectory: true)
        if let task = running[name] { return try await task.value }
        if FileManager.default.fileExists(atPath: target.path) {
            return CompiledModel(url: target, milliseconds: nil)
        }
        let directory = directory
        let task = Task {
            try await Self.compile(package, to: target, in: directory)
        }
        running[name] = task
        defer { running[name] = nil }
        let compiled = try await task.value
        removeOlder(than: name, of: bundle)
        return compiled
    }

    private static func compile(
        _ package: URL, to target: URL, in directory: URL
    ) async throws -> CompiledModel {
        let start = ContinuousClock.now
        let compiled = try await MLModel.compileModel(at: package)
        let elapsed = ContinuousClock.now - start
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try FileManager.default.moveItem(at: compiled, to: target)
        return CompiledModel(url: target, milliseconds: elapsed.milliseconds)
    }

    private func removeOlder(than name: String, of bundle: ModelBundle) {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        for file in files
        where file != name && file.hasPrefix("\(bundle.id)-") && file.count == name.count {
            try? FileManager.default.removeItem(at: directory.appendingPathComponent(file))
        }
    }

    /// Name of the compiled model: a package has new identifiers in its manifest each time it is
    /// exported, and a new system may compile otherwise.
    private static func name(for package: URL, of bundle: ModelBundle) throws -> String {
        let file = package.appendingPathComponent("Manifest.json")
        let manifest = try Data(contentsOf: file)
        let system = ProcessInfo.processInfo.operatingSystemVersionString
        let key = Fingerprint.of(manifest + Data(system.utf8))
        return "\(bundle.id)-\(key).mlmodelc"
    }
}
#endif
