import TextModels

#if canImport(CoreAI)
import CoreAI
import Foundation
#endif

extension FrameworkLoader {
    /// Specialises an asset once for this device and loads it. Nil on systems before iOS 27 and
    /// macOS 27, and where the app was built without Core AI: Xcode's iPhone simulator has none.
    public static var coreAI: FrameworkLoader? {
        #if canImport(CoreAI)
        guard #available(iOS 27.0, macOS 27.0, *) else { return nil }
        return FrameworkLoader(.coreAI) { bundle, options, report in
            try await CoreAIPredictor.load(bundle, options, report: report)
        }
        #else
        return nil
        #endif
    }
}

#if canImport(CoreAI)
@available(iOS 27.0, macOS 27.0, *)
extension CoreAIPredictor {
    /// Loads the asset of a bundle. The system keeps what it specialised, for this asset and these
    /// options, until it needs the room.
    ///
    /// - Parameter report: called as the loading proceeds.
    /// - Throws: `TextModelsError`: the bundle has no asset, or one that does not fit its settings;
    ///   `CancellationError`; errors of Core AI.
    public static func load(
        _ bundle: ModelBundle,
        _ options: LoadOptions = LoadOptions(),
        report: FrameworkLoader.Report = { _ in }
    ) async throws -> LoadedModel {
        guard let asset = bundle.url(for: .coreAI) else {
            throw TextModelsError.missingFile("\(bundle.settings.name).aimodel")
        }
        let specialization = SpecializationOptions(options.computeUnit)
        await report(.preparing)
        var start = ContinuousClock.now
        var preparation: Double?
        var model = try AIModelCache.default.model(for: asset, options: specialization)
        if model == nil {
            model = try await AIModel.specialize(contentsOf: asset, options: specialization)
            preparation = (ContinuousClock.now - start).milliseconds
            start = ContinuousClock.now
        }
        try Task.checkCancellation()
        await report(.loading)
        guard let model else { throw TextModelsError.missingFile(asset.lastPathComponent) }
        let predictor = try CoreAIPredictor(model: model, settings: bundle.settings)
        return LoadedModel(
            predictor: predictor,
            framework: .coreAI,
            preparationMilliseconds: preparation,
            loadMilliseconds: (ContinuousClock.now - start).milliseconds,
            bytes: bundle.bytes(for: .coreAI)
        )
    }
}

@available(iOS 27.0, macOS 27.0, *)
extension SpecializationOptions {
    /// Core AI can be kept to the CPU; the GPU and the Neural Engine are preferences, and what they
    /// cannot do runs elsewhere. Each entry point has one shape, so that none is ever reshaped.
    init(_ unit: ComputeUnit) {
        switch unit {
        case .all: self = .default
        case .cpu: self = .cpuOnly
        case .gpu: self.init(preferredComputeUnitKind: .gpu)
        case .neuralEngine: self.init(preferredComputeUnitKind: .neuralEngine)
        }
    }
}
#endif
