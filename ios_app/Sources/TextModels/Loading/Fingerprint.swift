import Foundation

/// A short name for some content, the same on every run (Swift's own hashes are not).
public enum Fingerprint {
    /// FNV-1a, 64 bits, in hexadecimal: it tells versions apart, it is no protection.
    public static func of(_ content: Data) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in content {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
