// The package on a terminal.
//
//   swift run -c release textmodels predict BUNDLE --question "Who was there?" --passage text.txt
//   swift run -c release textmodels time ios_app/Tests/TextModelsTests/Golden

import Foundation
import TextModels

/// A command: how it is used, and what runs it.
struct Command: Sendable {
    let usage: String
    let run: @Sendable ([String]) async throws -> Void
}

/// Options that are not those of the command.
struct UsageError: Error {
    let reason: String
}

let commands: [String: Command] = [
    "check": checkCommand, "download": downloadCommand, "predict": predictCommand,
    "time": timeCommand,
]

func fail(_ lines: String...) -> Never {
    FileHandle.standardError.write(Data(lines.map { "\($0)\n" }.joined().utf8))
    exit(2)
}

let arguments = Array(CommandLine.arguments.dropFirst())
guard let name = arguments.first, let command = commands[name] else {
    let usages = commands.sorted { $0.key < $1.key }.map(\.value.usage)
    fail("usage: " + usages.joined(separator: "\n       "))
}
do {
    try await command.run(Array(arguments.dropFirst()))
} catch let error as UsageError {
    fail("usage: \(command.usage)", "error: \(error.reason)")
} catch {
    fail("error: \(error.localizedDescription)")
}
