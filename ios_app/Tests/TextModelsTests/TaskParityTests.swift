import XCTest

@testable import TextModels

/// Every task on the same outputs as Python's `predict`: equal inputs, equal answers.
final class TaskParityTests: XCTestCase {
    func testEveryTaskEqualsPython() async throws {
        let set = try GoldenSet.committed()
        let rows = try GoldenTask.all(set)
        var counts: [String: (rows: Int, differ: Int)] = [:]
        for row in rows {
            let difference = try await row.difference(tokenizer: set.tokenizer())
            let name = row.settings.task
            counts[name, default: (0, 0)].rows += 1
            guard let difference else { continue }
            counts[name, default: (0, 0)].differ += 1
            XCTFail("\(name), “\(row.request.text)”: \(difference)")
        }
        XCTAssertEqual(Set(counts.keys), Set(TextTask.allCases.map(\.rawValue)))
        for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
            print("parity \(set.name)/\(name): \(count.rows) requests, \(count.differ) differ")
        }
    }

    /// The comparison notices a wrong answer and a wrong input.
    func testADifferenceIsNoticed() async throws {
        let set = try GoldenSet.committed()
        for row in try GoldenTask.all(set).prefix(3) {
            var other = row
            other.request.text = "more " + other.request.text
            let difference = try await other.difference(tokenizer: set.tokenizer())
            XCTAssertNotNil(difference)
        }
    }
}

/// One row of tasks.jsonl.
private struct GoldenTask {
    let settings: ModelSettings
    var request: TaskRequest
    let inputs: [[String: [Int32]]]
    let outputs: [ModelOutputs]
    let answer: JSONValue

    static func all(_ set: GoldenSet) throws -> [GoldenTask] {
        struct Row: Decodable {
            struct Output: Decodable { let shape: [Int], scalars: [Float] }
            let request: TaskRequest
            let inputs: [[String: [Int32]]]
            let outputs: [[String: Output]]
        }
        let base = try XCTUnwrap(
            JSONSerialization.jsonObject(with: set.data("tasks-settings.json")) as? [String: Any]
        )
        return try set.data("tasks.jsonl").split(separator: UInt8(ascii: "\n")).map { line in
            let row = try JSONDecoder().decode(Row.self, from: line)
            let object = try JSONSerialization.jsonObject(with: line) as? [String: Any]
            let extra = try XCTUnwrap(object?["settings"] as? [String: Any])
            let settings = base.merging(extra) { $1 }
            return GoldenTask(
                settings: try ModelSettings(
                    json: JSONSerialization.data(withJSONObject: settings)
                ),
                request: row.request,
                inputs: row.inputs,
                outputs: row.outputs.map { tensors in
                    ModelOutputs(
                        tensors: tensors.mapValues { Tensor(shape: $0.shape, scalars: $0.scalars) },
                        milliseconds: 0
                    )
                },
                answer: try XCTUnwrap(JSONValue(Data(line), name: "tasks.jsonl")["answer"])
            )
        }
    }

    /// What differs from Python, in words; nil when nothing does.
    func difference(tokenizer: any Tokenizer) async throws -> String? {
        let replay = Replay(settings: settings, inputs: inputs, outputs: outputs)
        do {
            let found = try await TextTask.answer(request, tokenizer: tokenizer, predictor: replay)
            let json = try JSONValue(Data(try found.json().utf8), name: "answer")
            XCTAssertFalse(found.lines.isEmpty)
            let asked = await replay.asked
            guard asked == inputs.count else { return "\(asked) inputs of \(inputs.count)" }
            return json.difference(from: answer, path: "answer")
        } catch let error as Replay.OtherInput {
            return "input \(error.number) is \(error.input)"
        }
    }
}

/// Gives the stored outputs, for the stored inputs alone.
private actor Replay: ModelPredictor {
    struct OtherInput: Error { let number: Int, input: ModelInput }

    let settings: ModelSettings
    private let inputs: [[String: [Int32]]]
    private let outputs: [ModelOutputs]
    private(set) var asked = 0

    init(settings: ModelSettings, inputs: [[String: [Int32]]], outputs: [ModelOutputs]) {
        self.settings = settings
        self.inputs = inputs
        self.outputs = outputs
    }

    func predict(_ input: ModelInput) async throws -> ModelOutputs {
        let number = asked
        asked += 1
        guard number < inputs.count else { throw OtherInput(number: number, input: input) }
        for (name, values) in inputs[number] where try input.values(named: name) != values {
            throw OtherInput(number: number, input: input)
        }
        return outputs[number]
    }
}

extension JSONValue {
    /// The first place where this is not what Python wrote. Numbers may differ by 1e-9 of their
    /// size; keys that Python does not have are not looked at.
    func difference(from wanted: JSONValue, path: String) -> String? {
        switch (self, wanted) {
        case (.number(let a), .number(let b)):
            return abs(a - b) <= 1e-9 * max(1, abs(b)) ? nil : "\(path) is \(a), not \(b)"
        case (.array(let a), .array(let b)):
            guard a.count == b.count else { return "\(path) has \(a.count) of \(b.count)" }
            return zip(a, b).enumerated().lazy.compactMap {
                $1.0.difference(from: $1.1, path: "\(path).\($0)")
            }.first
        case (.object, .object(let entries)):
            return entries.lazy.compactMap { entry in
                let key = String(String.UnicodeScalarView(entry.key.compactMap(Unicode.Scalar.init)))
                guard let own = self[key] else { return "\(path) has no \(key)" }
                return own.difference(from: entry.value, path: "\(path).\(key)")
            }.first
        case (.string(let a), .string(let b)): return a == b ? nil : "\(path) is other text"
        case (.null, .null): return nil
        case (.bool(let a), .bool(let b)): return a == b ? nil : "\(path) is \(a)"
        default: return "\(path) is another kind of value"
        }
    }
}
