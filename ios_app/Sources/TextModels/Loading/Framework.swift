import Foundation

/// A framework of Apple's that runs models, the newest first; the raw value is its key among the
/// `formats` of model.json.
public enum Framework: String, Codable, CaseIterable, Sendable {
    case coreAI = "coreai"
    case coreML = "coreml"

    public var title: String {
        switch self {
        case .coreAI: return "Core AI"
        case .coreML: return "Core ML"
        }
    }

    /// What an output may be off by from the checks of model.json, as a share of the largest number;
    /// nil where they say nothing. They are of the Core ML package in half precision: elsewhere it is
    /// off by a tenth of this, as in Python's `export.verify`. An asset of Core AI is rounded
    /// otherwise, and with few bits it rightly gives other numbers.
    ///
    /// - Parameter quantization: as in model.json.
    public func tolerance(of quantization: String) -> Double? {
        switch self {
        case .coreAI: return ["none": 0.05, "int8": 0.1][quantization]
        case .coreML: return 0.05
        }
    }

    /// The one that runs a bundle here: the newest that the bundle holds, the system is new enough
    /// for and the app was built with.
    ///
    /// - Parameters:
    ///   - wanted: the one to take and no other; nil: the newest.
    ///   - built: those that the app was built with.
    /// - Throws: `TextModelsError.noFramework`, which says of each why not.
    public static func choose(
        for bundle: ModelBundle,
        on system: SystemRelease,
        built: [Framework],
        wanted: Framework? = nil
    ) throws -> Framework {
        var reasons: [String] = []
        for framework in allCases where wanted == nil || wanted == framework {
            guard let format = bundle.settings.format(for: framework),
                bundle.url(for: framework) != nil
            else {
                reasons.append("the bundle has no \(framework.title) file")
                continue
            }
            guard let least = SystemRelease(format.minimum) else {
                reasons.append("\(framework.title) needs “\(format.minimum)”, an unknown system")
                continue
            }
            if system < least {
                reasons.append("\(framework.title) needs \(format.minimum)")
            } else if !built.contains(framework) {
                reasons.append("this app was built without \(framework.title)")
            } else {
                return framework
            }
        }
        throw TextModelsError.noFramework(reasons)
    }
}

/// A release of Apple's systems, counted as iOS counts: macOS 15 is that of iOS 18, and since 26
/// all systems have one number.
public struct SystemRelease: Comparable, Sendable {
    public let iOS: Int

    public init(iOS: Int) { self.iOS = iOS }

    public init(macOS: Int) { iOS = macOS < 26 ? macOS + 3 : macOS }

    /// As model.json writes it, such as iOS18 or macOS15; nil for anything else.
    public init?(_ text: String) {
        let digits = text.drop { !$0.isNumber }
        guard let major = Int(digits), (1...1000).contains(major) else { return nil }
        switch text.dropLast(digits.count) {
        case "iOS": self.init(iOS: major)
        case "macOS": self.init(macOS: major)
        default: return nil
        }
    }

    /// That of this machine.
    public static var current: SystemRelease {
        let major = ProcessInfo.processInfo.operatingSystemVersion.majorVersion
        #if os(macOS)
        return SystemRelease(macOS: major)
        #else
        return SystemRelease(iOS: major)
        #endif
    }

    public static func < (a: SystemRelease, b: SystemRelease) -> Bool { a.iOS < b.iOS }
}
