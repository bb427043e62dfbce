import Foundation

/// The files of a bundle on a server, which `Tools/make_manifest.py` lists beside its folder.
public struct DownloadManifest: Codable, Equatable, Sendable {
    public struct File: Codable, Equatable, Sendable {
        /// Below the bundle's folder.
        public let path: String
        public let bytes: Int
        /// In hexadecimal.
        public let sha256: String
    }

    static let readableVersion = 1
    static let mostFiles = 1000
    static let mostBytes = 4 << 30

    public let formatVersion: Int
    /// Name of the bundle's folder.
    public let name: String
    public let files: [File]

    enum CodingKeys: String, CodingKey {
        case name, files
        case formatVersion = "format_version"
    }

    public var bytes: Int { files.map(\.bytes).reduce(0, +) }

    /// - Throws: `TextModelsError.badFile`: no manifest, of another version, or with names and
    ///   numbers that cannot be.
    public init(json: Data) throws {
        self = try decodeJSON(Self.self, json, name: "manifest.json")
        guard formatVersion == Self.readableVersion else {
            throw Self.refusal("its format is \(formatVersion), this app reads 1")
        }
        guard Self.isPath(name), !name.contains("/") else {
            throw Self.refusal("“\(name)” is not the name of a folder")
        }
        guard (1...Self.mostFiles).contains(files.count) else {
            throw Self.refusal("it lists \(files.count) files (expected 1 to \(Self.mostFiles))")
        }
        for file in files {
            guard Self.isPath(file.path) else {
                throw Self.refusal("“\(file.path)” is not a path below the folder")
            }
            guard (0...Self.mostBytes).contains(file.bytes) else {
                throw Self.refusal("\(file.path) has \(file.bytes) bytes")
            }
            guard file.sha256.utf8.count == 64, file.sha256.allSatisfy(\.isHexDigit) else {
                throw Self.refusal("\(file.path) has no SHA-256")
            }
        }
        guard Set(files.map { $0.path.lowercased() }).count == files.count else {
            throw Self.refusal("it lists a file twice")
        }
        guard bytes <= Self.mostBytes else {
            throw Self.refusal("its files have \(bytes) bytes (at most \(Self.mostBytes))")
        }
    }

    /// Whether a path stays below the folder that it is in.
    private static func isPath(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !$0.contains("\\") }
            && !path.unicodeScalars.contains { $0.value < 32 }
    }

    private static func refusal(_ reason: String) -> TextModelsError {
        .badFile(name: "manifest.json", reason: reason)
    }
}
