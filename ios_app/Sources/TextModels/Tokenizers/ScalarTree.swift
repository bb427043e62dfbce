/// A set of texts with numbers, looked up scalar by scalar.
///
/// Swift compares strings by canonical equivalence, so a `[String: Int]` would take two different
/// vocabulary entries for one; here every scalar counts.
struct ScalarTree: Sendable {
    struct Match: Equatable {
        let value: Int32
        /// Scalars covered, at least 1.
        let count: Int
    }

    static let root: Int32 = 0
    private static let noValue: Int32 = -1

    private var children: [UInt64: Int32]
    private var values: [Int32] = [noValue]

    init(minimumCapacity: Int = 0) {
        children = Dictionary(minimumCapacity: minimumCapacity)
    }

    /// Adds a text with a value of at least 0; texts share the nodes of their common beginnings.
    mutating func insert(_ scalars: [UInt32], _ value: Int32) {
        var node = Self.root
        for scalar in scalars {
            let key = Self.key(node, scalar)
            if let next = children[key] {
                node = next
            } else {
                node = Int32(values.count)
                children[key] = node
                values.append(Self.noValue)
            }
        }
        values[Int(node)] = value
    }

    /// The longest text of the set that `scalars` begin with, counted from a node.
    @inline(__always)
    func longestMatch(_ scalars: ArraySlice<UInt32>, from root: Int32 = root) -> Match? {
        var (node, count) = (root, 0)
        var longest: Match?
        for scalar in scalars {
            guard let next = children[Self.key(node, scalar)] else { break }
            node = next
            count += 1
            if values[Int(node)] >= 0 { longest = Match(value: values[Int(node)], count: count) }
        }
        return longest
    }

    /// Every text of the set that `scalars` begin with, shortest first: its value and length.
    @inline(__always)
    func forEachMatch(_ scalars: ArraySlice<UInt32>, _ body: (Int32, Int) -> Void) {
        var (node, count) = (Self.root, 0)
        for scalar in scalars {
            guard let next = children[Self.key(node, scalar)] else { return }
            node = next
            count += 1
            if values[Int(node)] >= 0 { body(values[Int(node)], count) }
        }
    }

    /// The node that a beginning leads to, or nil when no text begins so.
    func node(after scalars: some Sequence<UInt32>) -> Int32? {
        var node = Self.root
        for scalar in scalars {
            guard let next = children[Self.key(node, scalar)] else { return nil }
            node = next
        }
        return node
    }

    /// The value of a text, or nil when it is not in the set.
    func value(of scalars: some Sequence<UInt32>) -> Int32? {
        guard let node = node(after: scalars), values[Int(node)] >= 0 else { return nil }
        return values[Int(node)]
    }

    @inline(__always)
    private static func key(_ node: Int32, _ scalar: UInt32) -> UInt64 {
        UInt64(UInt32(bitPattern: node)) << 32 | UInt64(scalar)
    }
}
