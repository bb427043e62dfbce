// Stub of Apple's XCTest for user interfaces; README.md says what for.
import Foundation
import XCTest

struct XCUIScreenshot {}

final class XCTAttachment {
    enum Lifetime { case keepAlways, deleteOnSuccess }

    init(screenshot: XCUIScreenshot) {}
    var name: String?
    var lifetime = Lifetime.deleteOnSuccess
}

extension XCTestCase {
    func add(_ attachment: XCTAttachment) {}
}

@MainActor
class XCUIElement {
    enum ElementType { case any, button }

    func tap() {}
    func typeText(_ text: String) {}
    func waitForExistence(timeout: TimeInterval) -> Bool { fatalError() }
    func screenshot() -> XCUIScreenshot { fatalError() }
    func descendants(matching type: ElementType) -> XCUIElementQuery { fatalError() }
    var label: String { fatalError() }
    var value: Any? { fatalError() }
    var buttons: XCUIElementQuery { fatalError() }
    var keyboards: XCUIElementQuery { fatalError() }
    var navigationBars: XCUIElementQuery { fatalError() }
    var staticTexts: XCUIElementQuery { fatalError() }
    var tabBars: XCUIElementQuery { fatalError() }
    var textFields: XCUIElementQuery { fatalError() }
}

@MainActor
class XCUIElementQuery {
    subscript(_ key: String) -> XCUIElement { fatalError() }
    var count: Int { fatalError() }
    var buttons: XCUIElementQuery { fatalError() }
}

struct XCUIAccessibilityAuditType: OptionSet {
    let rawValue: UInt64
    static let sufficientElementDescription = XCUIAccessibilityAuditType(rawValue: 1)
    static let hitRegion = XCUIAccessibilityAuditType(rawValue: 2)
}

@MainActor
final class XCUIApplication: XCUIElement {
    override nonisolated init() {}
    var launchArguments: [String] = []
    func launch() {}
    func performAccessibilityAudit(for types: XCUIAccessibilityAuditType) throws {}
}
