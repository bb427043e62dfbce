import Foundation

/// A folder that the exporter wrote: a package with its tokenizer and settings.
public struct ModelBundle: Identifiable, Equatable, Sendable {
    public let directory: URL
    public let settings: ModelSettings

    public var id: String { directory.lastPathComponent }

    /// The file of a framework; nil where the folder has none. An app may leave out the file of a
    /// framework that it does not use.
    public func url(for framework: Framework) -> URL? {
        guard let format = settings.format(for: framework) else { return nil }
        let file = directory.appendingPathComponent(format.file)
        return FileManager.default.fileExists(atPath: file.path) ? file : nil
    }

    /// Size of a framework's file in bytes: what is there, not what model.json says.
    public func bytes(for framework: Framework) -> Int {
        guard let url = url(for: framework) else { return 0 }
        let keys: [URLResourceKey] = [.isRegularFileKey, .fileSizeKey]
        let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: keys)
        return (files?.compactMap { $0 as? URL } ?? []).reduce(0) { sum, file in
            let values = try? file.resourceValues(forKeys: Set(keys))
            return sum + (values?.isRegularFile == true ? values?.fileSize ?? 0 : 0)
        }
    }

    /// What the model is, on one line.
    public var title: String {
        let weights = settings.quantization == "none" ? "float16" : settings.quantization
        let label = settings.randomWeights ? ", random weights" : ""
        return "\(id) (\(weights), \(settings.layout)\(label))"
    }

    /// - Throws: `TextModelsError`: files are missing or broken.
    public init(directory: URL) throws {
        self.directory = directory
        settings = try ModelSettings(directory: directory)
        let files = Framework.allCases.compactMap(settings.format).map(\.file)
        guard Framework.allCases.contains(where: { url(for: $0) != nil }) else {
            throw TextModelsError.missingFile(files.joined(separator: " or "))
        }
    }

    /// - Throws: `TextModelsError.wrongTask`: the model was exported for another task.
    public func require(task: String) throws {
        guard settings.task == task else {
            throw TextModelsError.wrongTask(settings.task, expected: task)
        }
    }

    /// - Throws: `TextModelsError`: its files are missing or broken, or not those of its settings.
    public func tokenizer() throws -> any Tokenizer {
        let tokenizer = try TextTokenizer(directory: directory, sha256: settings.tokenizerSHA256)
        try settings.check(tokenizer)
        return tokenizer
    }
}

extension ModelSettings {
    /// Finds what model.json and tokenizer.json say differently.
    func check(_ found: TextTokenizer) throws {
        guard tokenizer == found.kind else {
            throw Self.refusal("“tokenizer” is \(tokenizer), but tokenizer.json is \(found.kind)")
        }
        let ids = specialIDs
        let named = [("pad", ids.pad), ("cls", ids.cls), ("sep", ids.sep)]
        for (name, id) in named where !found.addedIDs.contains(id) {
            throw Self.refusal(
                "“special_ids.\(name)” is \(id), which is no special token of tokenizer.json"
            )
        }
        let wanted = TextTemplate.classAndSeparator(ids.cls, ids.sep, separators: pairSeparators)
        guard wanted.hasTokens(of: found.template) else {
            throw Self.refusal(
                "“special_ids” and “pair_separators” are not what tokenizer.json puts around texts"
            )
        }
    }
}

/// The bundles of a folder, and why others in it cannot be used.
public struct ModelLibrary: Sendable {
    public private(set) var bundles: [ModelBundle] = []
    /// Name of a folder and the reason in words.
    public private(set) var problems: [(name: String, reason: String)] = []

    /// A folder that does not exist holds no bundle; folders whose names begin with a point are
    /// left out.
    ///
    /// - Parameter task: the task that a model must be exported for; nil takes all.
    public init(directory: URL, task: String? = nil) {
        let folders = (try? FileManager.default.contentsOfDirectory(
            at: directory, includingPropertiesForKeys: [.isDirectoryKey]
        )) ?? []
        for folder in folders.sorted(by: { $0.lastPathComponent < $1.lastPathComponent })
        where Self.isDirectory(folder) && !folder.lastPathComponent.hasPrefix(".") {
            do {
                let bundle = try ModelBundle(directory: folder)
                if let task { try bundle.require(task: task) }
                bundles.append(bundle)
            } catch {
                problems.append((folder.lastPathComponent, error.localizedDescription))
            }
        }
    }

    private static func isDirectory(_ url: URL) -> Bool {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory)
        return exists && isDirectory.boolValue
    }
}
