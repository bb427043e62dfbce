import XCTest

/// Goes through the screens as a hand does, and keeps a picture of each.
@MainActor
final class ScreensTests: XCTestCase {
    /// Titles by the names of the tabs.
    private let tabs = [
        ("Ask", "Ask a passage"), ("Texts", "Texts"), ("Models", "Models"),
        ("Benchmark", "Benchmark"),
    ]
    private let tasks = ["classify", "zero-shot", "entities", "search", "rank"]

    private func launch(language: String = "en") -> XCUIApplication {
        continueAfterFailure = false
        let app = XCUIApplication()
        app.launchArguments = ["-AppleLanguages", "(\(language))"]
        app.launch()
        return app
    }

    private func keepPicture(of app: XCUIApplication, _ name: String) {
        let picture = XCTAttachment(screenshot: app.screenshot())
        picture.name = name
        picture.lifetime = .keepAlways
        add(picture)
    }

    /// The question's field; a test without a model in the app is skipped.
    private func questionField(_ app: XCUIApplication) throws -> XCUIElement {
        let field = app.textFields["question"]
        guard field.waitForExistence(timeout: 10) else {
            throw XCTSkip("no model in QADemo/Models; export one with --app")
        }
        return field
    }

    func testEveryTabHasItsScreen() {
        let app = launch()
        for (tab, title) in tabs {
            app.tabBars.buttons[tab].tap()
            XCTAssertTrue(app.navigationBars[title].waitForExistence(timeout: 10), tab)
            keepPicture(of: app, tab)
        }
    }

    func testEveryTaskHasItsScreen() {
        let app = launch()
        app.tabBars.buttons["Texts"].tap()
        for task in tasks {
            let link = app.buttons["task-\(task)"]
            XCTAssertTrue(link.waitForExistence(timeout: 10), task)
            link.tap()
            let back = app.navigationBars.buttons["Texts"]
            XCTAssertTrue(back.waitForExistence(timeout: 10), task)
            keepPicture(of: app, task)
            back.tap()
        }
    }

    /// A vertical field would take it for a new line.
    func testReturnKeySearchesAndPutsTheKeyboardAway() throws {
        let app = launch()
        let field = try questionField(app)
        field.tap()
        field.typeText("\n")
        XCTAssertTrue(app.descendants(matching: .any)["answer"].waitForExistence(timeout: 180))
        XCTAssertEqual(app.keyboards.count, 0)
        keepPicture(of: app, "answer")
    }

    func testAnswerIsMarkedForThoseWhoListen() throws {
        let app = launch()
        _ = try questionField(app)
        app.buttons["find"].tap()
        XCTAssertTrue(app.descendants(matching: .any)["answer"].waitForExistence(timeout: 180))
        let passage = app.staticTexts["passage"]
        let value = try XCTUnwrap(passage.value as? String)
        XCTAssertTrue(value.hasPrefix("Marked: "), value)
    }

    /// A simulator computes as the exporter's: on the CPU, in half precision.
    func testModelComputesAsAtItsExport() throws {
        let app = launch()
        _ = try questionField(app)
        app.tabBars.buttons["Models"].tap()
        // The first model is warmed up when the app starts; others are loaded here.
        let checks = app.descendants(matching: .any)["checks"]
        XCTAssertTrue(checks.waitForExistence(timeout: 180))
        XCTAssertTrue(checks.label.contains("Computes as at its export"), checks.label)
        keepPicture(of: app, "checks")
    }

    func testGermanIsThere() {
        let app = launch(language: "de")
        XCTAssertTrue(app.tabBars.buttons["Fragen"].waitForExistence(timeout: 10))
        app.tabBars.buttons["Texte"].tap()
        keepPicture(of: app, "de")
    }

    func testNoScreenFailsTheAccessibilityAudit() throws {
        let app = launch()
        for (tab, _) in tabs {
            app.tabBars.buttons[tab].tap()
            try app.performAccessibilityAudit(for: [.sufficientElementDescription, .hitRegion])
        }
    }
}
