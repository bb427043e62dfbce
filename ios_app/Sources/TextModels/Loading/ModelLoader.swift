/// A model in memory, and what its loading took.
public struct LoadedModel: Sendable {
    public let predictor: any ModelPredictor
    public let framework: Framework
    /// To compile (Core ML) or specialise (Core AI) the package for this device; nil when that had
    /// been done before.
    public let preparationMilliseconds: Double?
    public let loadMilliseconds: Double
    /// Size of the package.
    public let bytes: Int
    /// Nil before they are run, and without checks in model.json.
    public var checks: ModelChecks?
    /// Asks the system where it plans to run the operations; nil when it does not say.
    public let computePlan: @Sendable () async -> ComputePlanShares?

    public init(
        predictor: any ModelPredictor,
        framework: Framework,
        preparationMilliseconds: Double?,
        loadMilliseconds: Double,
        bytes: Int,
        computePlan: @escaping @Sendable () async -> ComputePlanShares? = { nil }
    ) {
        self.predictor = predictor
        self.framework = framework
        self.preparationMilliseconds = preparationMilliseconds
        self.loadMilliseconds = loadMilliseconds
        self.bytes = bytes
        self.computePlan = computePlan
    }
}

/// How one framework loads a model.
public struct FrameworkLoader: Sendable {
    public typealias Report = @Sendable (LoadPhase) async -> Void
    public typealias Load = @Sendable (
        ModelBundle, LoadOptions, Report
    ) async throws -> LoadedModel

    public let framework: Framework
    public let load: Load

    public init(_ framework: Framework, load: @escaping Load) {
        self.framework = framework
        self.load = load
    }
}

/// Loads bundles with whichever framework can run them here.
public struct ModelLoader: Sendable {
    private let loaders: [FrameworkLoader]
    private let system: SystemRelease

    /// - Parameter loaders: those that the app was built with; nil stands for one that it was not.
    public init(_ loaders: [FrameworkLoader?], on system: SystemRelease = .current) {
        self.loaders = loaders.compactMap { $0 }
        self.system = system
    }

    public var frameworks: [Framework] { loaders.map(\.framework) }

    /// Loads a model.
    ///
    /// - Parameters:
    ///   - checking: whether to run the checks of model.json; a model that fails them is loaded
    ///     all the same, and its `checks` say so.
    ///   - report: called as the loading proceeds.
    /// - Throws: `TextModelsError.noFramework`; `CancellationError`; errors of the framework.
    public func load(
        _ bundle: ModelBundle,
        _ options: LoadOptions = LoadOptions(),
        checking: Bool = true,
        report: FrameworkLoader.Report = { _ in }
    ) async throws -> LoadedModel {
        let framework = try Framework.choose(
            for: bundle, on: system, built: frameworks, wanted: options.framework
        )
        guard let loader = loaders.first(where: { $0.framework == framework }) else {
            throw TextModelsError.noFramework([])
        }
        var model = try await loader.load(bundle, options, report)
        guard checking else { return model }
        try Task.checkCancellation()
        await report(.checking)
        model.checks = try await ModelChecks(running: model.predictor, on: framework)
        return model
    }
}
