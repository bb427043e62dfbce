import Foundation

/// JSON as it stands in the file. A vocabulary cannot be read into a `[String: Int]`: Swift takes
/// canonically equivalent keys for one.
enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string([UInt32])
    case array([JSONValue])
    case object([(key: [UInt32], value: JSONValue)])

    /// - Throws: `TextModelsError.badFile`: not JSON; says at which byte.
    init(_ data: Data, name: String) throws {
        var parser = JSONParser(bytes: [UInt8](data))
        guard let value = parser.document() else {
            throw TextModelsError.badFile(
                name: name, reason: "it is not JSON (byte \(parser.position))"
            )
        }
        self = value
    }

    /// The value of a key of an object.
    subscript(_ key: String) -> JSONValue? {
        guard case .object(let entries) = self else { return nil }
        let scalars = key.unicodeScalars.map(\.value)
        return entries.first { $0.key == scalars }?.value
    }

    var entries: [(key: [UInt32], value: JSONValue)]? {
        if case .object(let entries) = self { return entries }
        return nil
    }

    var elements: [JSONValue]? {
        if case .array(let elements) = self { return elements }
        return nil
    }

    var scalars: [UInt32]? {
        if case .string(let scalars) = self { return scalars }
        return nil
    }

    var text: String? { scalars.map(String.init(scalars:)) }

    var isNull: Bool {
        if case .null = self { return true }
        return false
    }

    var number: Double? {
        if case .number(let number) = self { return number }
        return nil
    }

    var int32: Int32? { number.flatMap { Int32(exactly: $0) } }

    var bool: Bool? {
        if case .bool(let bool) = self { return bool }
        return nil
    }
}

/// A recursive-descent parser of RFC 8259 over bytes; nil means: not JSON.
private struct JSONParser {
    let bytes: [UInt8]
    var position = 0
    private static let deepest = 256

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() -> JSONValue? {
        guard let value = value(depth: 0) else { return nil }
        skipSpace()
        return position == bytes.count ? value : nil
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || (0x9...0xd).contains(byte) { position += 1 }
    }

    private mutating func take(_ character: Character) -> Bool {
        skipSpace()
        guard next == character.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func word(_ word: String, _ value: JSONValue) -> JSONValue? {
        guard bytes[position...].starts(with: word.utf8) else { return nil }
        position += word.utf8.count
        return value
    }

    private mutating func value(depth: Int) -> JSONValue? {
        skipSpace()
        guard depth < Self.deepest, let byte = next else { return nil }
        switch Character(Unicode.Scalar(byte)) {
        case "{": return object(depth)
        case "[": return array(depth)
        case "\"": return string().map(JSONValue.string)
        case "t": return word("true", .bool(true))
        case "f": return word("false", .bool(false))
        case "n": return word("null", .null)
        default: return number()
        }
    }

    private mutating func object(_ depth: Int) -> JSONValue? {
        position += 1
        var entries: [(key: [UInt32], value: JSONValue)] = []
        if take("}") { return .object(entries) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\""), let key = string(), take(":"),
                let value = value(depth: depth + 1)
            else { return nil }
            entries.append((key, value))
        } while take(",")
        return take("}") ? .object(entries) : nil
    }

    private mutating func array(_ depth: Int) -> JSONValue? {
        position += 1
        var elements: [JSONValue] = []
        if take("]") { return .array(elements) }
        repeat {
            guard let element = value(depth: depth + 1) else { return nil }
            elements.append(element)
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    private mutating func number() -> JSONValue? {
        let start = position
        while let byte = next, "+-.eE0123456789".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let exact = Double(text) else { return nil }
        return .number(SerdeNumber.value(of: bytes[start..<position]) ?? exact)
    }

    private mutating func string() -> [UInt32]? {
        position += 1
        var scalars: [UInt32] = []
        while let byte = next, byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") {
                guard let scalar = escape() else { return nil }
                scalars.append(scalar)
            } else if byte < 0x80 {
                scalars.append(UInt32(byte))
                position += 1
            } else {
                let start = position
                while let byte = next, byte >= 0x80 { position += 1 }
                guard let text = String(validating: bytes[start..<position], as: UTF8.self)
                else { return nil }
                scalars += text.unicodeScalars.map(\.value)
            }
        }
        guard next != nil else { return nil }
        position += 1
        return scalars
    }

    private mutating func escape() -> UInt32? {
        position += 1
        guard let byte = next else { return nil }
        position += 1
        let simple: [UInt8: UInt32] = [
            UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5c, UInt8(ascii: "/"): 0x2f,
            UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 0xc, UInt8(ascii: "n"): 0xa,
            UInt8(ascii: "r"): 0xd, UInt8(ascii: "t"): 9,
        ]
        guard byte == UInt8(ascii: "u") else { return simple[byte] }
        guard let unit = hexadecimal() else { return nil }
        guard (0xd800..<0xdc00).contains(unit) else { return unit }
        guard bytes[position...].starts(with: "\\u".utf8) else { return nil }
        position += 2
        guard let low = hexadecimal(), (0xdc00..<0xe000).contains(low) else { return nil }
        return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
    }

    private mutating func hexadecimal() -> UInt32? {
        guard position + 4 <= bytes.count else { return nil }
        let text = String(decoding: bytes[position..<(position + 4)], as: UTF8.self)
        position += 4
        return UInt32(text, radix: 16)
    }
}
