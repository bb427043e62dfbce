import Foundation
import TextModels

/// Downloads a bundle as an app does.
let downloadCommand = Command(usage: """
    textmodels download MANIFEST_URL --sha256 DIGEST --out FOLDER
    """) { arguments in
    let options = try Options(arguments, named: ["--sha256", "--out"])
    let address = try options.onlyWord("address of a manifest")
    guard let manifest = URL(string: address), manifest.scheme != nil else {
        throw UsageError(reason: "\(address) is no address")
    }
    guard let digest = options["--sha256"] else { throw UsageError(reason: "--sha256 is missing") }
    guard let out = options["--out"] else { throw UsageError(reason: "--out is missing") }
    let downloader = ModelDownloader(
        models: URL(fileURLWithPath: out, isDirectory: true), fetcher: URLSessionFetcher()
    )
    let bundle = try await downloader.download(manifest, sha256: digest)
    print("\(bundle.directory.path): \(bundle.title)")
}
