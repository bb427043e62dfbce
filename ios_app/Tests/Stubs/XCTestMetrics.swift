// Stub of what Apple's XCTest has and the one for Linux lacks; README.md says what for.
import XCTest

protocol XCTMetric {}

class XCTClockMetric: XCTMetric {}

class XCTMemoryMetric: XCTMetric {}

class XCTMeasureOptions {
    var iterationCount = 5
}

extension XCTestCase {
    func measure(metrics: [any XCTMetric], options: XCTMeasureOptions, block: () -> Void) {}
}
