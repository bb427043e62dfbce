/// What a model does when it runs for minutes without a pause: a device slows down as it warms up.
public struct SustainedRun: Codable, Equatable, Sendable {
    /// Some seconds of the run.
    public struct Window: Codable, Equatable, Sendable {
        /// Since the beginning of the run.
        public var startSeconds: Double
        public var predictions: Int
        public var medianMilliseconds: Double
        public var p90Milliseconds: Double
        /// At the end of the window.
        public var thermalState: String

        enum CodingKeys: String, CodingKey {
            case predictions
            case startSeconds = "start_s"
            case medianMilliseconds = "median_ms"
            case p90Milliseconds = "p90_ms"
            case thermalState = "thermal_state"
        }
    }

    public var seconds: Double
    public var windows: [Window]

    /// Median of the last window / median of the first: above 1 the model became slower.
    public var slowdown: Double? {
        guard windows.count > 1, let first = windows.first, let last = windows.last,
            first.medianMilliseconds > 0
        else { return nil }
        return last.medianMilliseconds / first.medianMilliseconds
    }

    /// Collects the times of a run.
    struct Recorder {
        static let windowLength = Duration.seconds(10)

        private var windows: [Window] = []
        private var times: [Double] = []
        private var start = Duration.zero
        private var thermalState = ""

        mutating func add(_ milliseconds: Double, at elapsed: Duration, thermalState: String) {
            times.append(milliseconds)
            self.thermalState = thermalState
            if elapsed - start >= Self.windowLength { close(at: elapsed) }
        }

        mutating func finish(at elapsed: Duration) -> SustainedRun {
            close(at: elapsed)
            return SustainedRun(seconds: elapsed.milliseconds / 1000, windows: windows)
        }

        private mutating func close(at elapsed: Duration) {
            guard let statistics = Statistics(times) else { return }
            windows.append(Window(
                startSeconds: start.milliseconds / 1000,
                predictions: times.count,
                medianMilliseconds: statistics.median,
                p90Milliseconds: statistics.p90,
                thermalState: thermalState
            ))
            (times, start) = ([], elapsed)
        }
    }
}
