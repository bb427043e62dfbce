// swift-tools-version: 5.9
import PackageDescription

let package = Package(
    name: "QuestionAnswering",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [
        .library(name: "QuestionAnswering", targets: ["QuestionAnswering"]),
        .library(name: "QuestionAnsweringCoreML", targets: ["QuestionAnsweringCoreML"]),
        .executable(name: "tokenizer-bench", targets: ["tokenizer-bench"]),
    ],
    targets: [
        // Text to model input, logits to answers, statistics. Foundation only: builds on Linux.
        .target(name: "QuestionAnswering"),
        // Runs a package with Core ML. Empty where there is no Core ML.
        .target(name: "QuestionAnsweringCoreML", dependencies: ["QuestionAnswering"]),
        .executableTarget(name: "tokenizer-bench", dependencies: ["QuestionAnswering"]),
        .testTarget(
            name: "QuestionAnsweringTests",
            dependencies: ["QuestionAnswering"],
            resources: [.copy("Golden")]
        ),
    ]
)
