import XCTest

@testable import TextModels

/// A server in memory, which counts what it is asked.
private actor Server: FileFetcher {
    private var files: [String: Data]
    private(set) var asked: [String] = []

    init(_ files: [String: Data]) { self.files = files }

    func set(_ path: String, _ content: Data?) { files[path] = content }

    func fetch(_ url: URL, to file: URL) async throws {
        asked.append(url.path)
        guard let content = files[url.path] else {
            throw TextModelsError.failedDownload(file: url.lastPathComponent, reason: "404")
        }
        try content.write(to: file)
    }
}

final class DownloadTests: XCTestCase {
    private let address = URL(string: "https://example.org/models/tiny.manifest.json")!
    private var models: URL!
    private var server: Server!
    private var digest = ""

    override func setUp() async throws {
        models = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        let folder = try ModelFolder()
        let weights = folder.directory.appendingPathComponent("tiny.mlpackage/weights.bin")
        try Data(repeating: 7, count: 100_000).write(to: weights)
        var files: [String: Data] = [:]
        var listed: [String] = []
        for path in ["model.json", "tokenizer.json", "vocab.txt", "tiny.mlpackage/weights.bin"] {
            let content = try Data(contentsOf: folder.directory.appendingPathComponent(path))
            files["/models/tiny-int8/\(path)"] = content
            let sum = SHA256.hexadecimal(content)
            listed.append("{\"path\": \"\(path)\", \"bytes\": \(content.count), \"sha256\": \"\(sum)\"}")
        }
        let manifest = Data("""
            {"format_version": 1, "name": "tiny-int8", "files": [\(listed.joined(separator: ","))]}
            """.utf8)
        files["/models/tiny.manifest.json"] = manifest
        digest = SHA256.hexadecimal(manifest)
        server = Server(files)
    }

    override func tearDown() { try? FileManager.default.removeItem(at: models) }

    private var downloader: ModelDownloader { ModelDownloader(models: models, fetcher: server) }

    private func assertFails(_ words: String, sha256: String? = nil) async {
        do {
            _ = try await downloader.download(address, sha256: sha256 ?? digest)
            XCTFail("no error")
        } catch {
            XCTAssertTrue(error.localizedDescription.contains(words), error.localizedDescription)
        }
    }

    func testBundleTakesItsPlaceWhole() async throws {
        let bundle = try await downloader.download(address, sha256: digest)
        XCTAssertEqual(bundle.directory.path, models.appendingPathComponent("tiny-int8").path)
        XCTAssertEqual(bundle.bytes(for: .coreML), 100_000)
        let library = ModelLibrary(directory: models)
        XCTAssertEqual(library.bundles.map(\.id), ["tiny-int8"])
        XCTAssertTrue(library.problems.isEmpty)
        // And again, over the one that is there.
        _ = try await downloader.download(address, sha256: digest.uppercased())
        XCTAssertEqual(ModelLibrary(directory: models).bundles.count, 1)
    }

    func testAFolderThatIsNoModelStays() async throws {
        let other = models.appendingPathComponent("tiny-int8/notes.txt")
        try FileManager.default.createDirectory(
            at: other.deletingLastPathComponent(), withIntermediateDirectories: true
        )
        try Data("kept".utf8).write(to: other)
        await assertFails("that is no model")
        XCTAssertEqual(try Data(contentsOf: other), Data("kept".utf8))
    }

    func testAnotherManifestThanTheAppExpectsIsRefused() async throws {
        await assertFails("another SHA-256", sha256: String(repeating: "0", count: 64))
        await assertFails("no SHA-256", sha256: "0123")
        let asked = await server.asked
        XCTAssertEqual(asked, ["/models/tiny.manifest.json"])
    }

    func testAChangedFileIsFoundAndTheNextDownloadGoesOn() async throws {
        let path = "/models/tiny-int8/tiny.mlpackage/weights.bin"
        await server.set(path, Data(repeating: 8, count: 100_000))
        await assertFails("weights.bin could not be downloaded: it has another SHA-256")
        await server.set(path, Data(repeating: 7, count: 99_999))
        await assertFails("it has 99999 bytes (expected 100000)")
        await server.set(path, nil)
        await assertFails("404")
        XCTAssertTrue(ModelLibrary(directory: models).bundles.isEmpty)
        await server.set(path, Data(repeating: 7, count: 100_000))
        _ = try await downloader.download(address, sha256: digest)
        let asked = await server.asked
        XCTAssertEqual(asked.filter { $0.hasSuffix("model.json") }.count, 1, "kept from before")
    }

    func testManifestsThatCannotBeAreRefused() {
        let sum = String(repeating: "a", count: 64)
        let file = { (path: String, bytes: Int) in
            "{\"path\": \"\(path)\", \"bytes\": \(bytes), \"sha256\": \"\(sum)\"}"
        }
        for (version, name, files, words) in [
            (2, "tiny", file("a", 1), "its format is 2"),
            (1, "../tiny", file("a", 1), "is not the name"),
            (1, ".tiny", file("a", 1), "is not the name"),
            (1, "tiny", "", "it lists 0 files"),
            (1, "tiny", file("../a", 1), "is not a path"),
            (1, "tiny", file("/a", 1), "is not a path"),
            (1, "tiny", file("a//b", 1), "is not a path"),
            (1, "tiny", file("a", -1), "has -1 bytes"),
            (1, "tiny", file("a", 1 << 40), "bytes"),
            (1, "tiny", file("a", 1) + "," + file("A", 1), "a file twice"),
            (1, "tiny", file("a", 3 << 30) + "," + file("b", 3 << 30), "at most"),
            (1, "tiny", file("a", 1).replacingOccurrences(of: sum, with: "x"), "has no SHA-256"),
        ] {
            let text = "{\"format_version\": \(version), \"name\": \"\(name)\", \"files\": [\(files)]}"
            XCTAssertThrowsError(try DownloadManifest(json: Data(text.utf8))) {
                XCTAssertTrue($0.localizedDescription.contains(words), $0.localizedDescription)
            }
        }
    }

    func testDigestOfAFileIsThatOfItsContent() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: file) }
        for count in [0, 1, 55, 56, 63, 64, 65, 1 << 20, (1 << 20) + 63] {
            let content = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            try content.write(to: file)
            XCTAssertEqual(
                try SHA256.hexadecimal(contentsOf: file), SHA256.hexadecimal(content), "\(count)"
            )
        }
        // hashlib.sha256(b"a" * 1_000_000)
        XCTAssertEqual(
            SHA256.hexadecimal(Data(repeating: UInt8(ascii: "a"), count: 1_000_000)),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        )
    }
}
