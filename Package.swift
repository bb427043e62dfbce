// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "TextModels",
    platforms: [.iOS(.v18), .macOS(.v15)],
    products: [
        .library(name: "TextModels", targets: ["TextModels"]),
        .library(name: "TextModelsCoreML", targets: ["TextModelsCoreML"]),
        .library(name: "TextModelsCoreAI", targets: ["TextModelsCoreAI"]),
        .executable(name: "textmodels", targets: ["TextModelsCommand"]),
    ],
    targets: [
        // Text to model input, outputs to answers, statistics. Foundation only: builds on Linux.
        .target(name: "TextModels", path: "ios_app/Sources/TextModels"),
        // Runs a package with Core ML. Empty where there is no Core ML.
        .target(
            name: "TextModelsCoreML",
            dependencies: ["TextModels"],
            path: "ios_app/Sources/TextModelsCoreML"
        ),
        // Runs an asset with Core AI. Empty where there is no Core AI.
        .target(
            name: "TextModelsCoreAI",
            dependencies: ["TextModels"],
            path: "ios_app/Sources/TextModelsCoreAI"
        ),
        // Runs the graph of a package with ONNX Runtime's C library, opened when it is needed.
        .target(name: "COnnxRuntime", path: "ios_app/Sources/COnnxRuntime"),
        .target(
            name: "TextModelsONNX",
            dependencies: ["TextModels", "COnnxRuntime"],
            path: "ios_app/Sources/TextModelsONNX"
        ),
        .executableTarget(
            name: "TextModelsCommand",
            dependencies: [
                "TextModels", "TextModelsCoreML", "TextModelsCoreAI", "TextModelsONNX",
            ],
            path: "ios_app/Sources/TextModelsCommand"
        ),
        .testTarget(
            name: "TextModelsTests",
            dependencies: ["TextModels"],
            path: "ios_app/Tests/TextModelsTests",
            resources: [.copy("Golden"), .copy("GoldenKinds")]
        ),
    ]
)
