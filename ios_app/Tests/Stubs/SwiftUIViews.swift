// Stub of the calls that QADemo makes: SwiftUI's views and modifiers; README.md says what for.
import Foundation

public struct Text: Primitive {
    public struct LineStyle: Hashable, Sendable {
        public static let single = LineStyle()
    }

    public init(_ key: LocalizedStringKey) {}
    @_disfavoredOverload public init<S: StringProtocol>(_ content: S) {}
    @_disfavoredOverload public init(_ attributedContent: AttributedString) {}
    public func font(_ font: Font?) -> Text { self }
}

public struct Font: Sendable {
    public static let title3 = Font(), headline = Font(), body = Font(), footnote = Font()
    public func bold() -> Font { self }
    public func monospaced() -> Font { self }
    public func monospacedDigit() -> Font { self }
}

public struct Label<Title: View, Icon: View>: Primitive {
    public init(@ViewBuilder title: () -> Title, @ViewBuilder icon: () -> Icon) {}
}

extension Label where Title == Text, Icon == Image {
    public init(_ key: LocalizedStringKey, systemImage: String) {}
    @_disfavoredOverload public init<S: StringProtocol>(_ title: S, systemImage: String) {}
}

public struct ButtonRole: Sendable {
    public static let cancel = ButtonRole()
}

public struct Button: Primitive {
    @_disfavoredOverload
    public init<S: StringProtocol>(_ title: S, action: @escaping @MainActor () -> Void) {}
    public init(_ key: LocalizedStringKey, action: @escaping @MainActor () -> Void) {}
    public init(
        _ key: LocalizedStringKey, systemImage: String, role: ButtonRole? = nil,
        action: @escaping @MainActor () -> Void
    ) {}
}

public struct PasteButton: Primitive {
    public init<T>(payloadType: T.Type, onPaste: @escaping ([T]) -> Void) {}
}

public struct ShareLink: Primitive {
    public init(_ key: LocalizedStringKey, item: URL) {}
}

public struct TextField: Primitive {
    public init(_ key: LocalizedStringKey, text: Binding<String>) {}
}

public enum Axis {
    case horizontal, vertical
    public struct Set: OptionSet, Sendable {
        public let rawValue: Int8
        public init(rawValue: Int8) { self.rawValue = rawValue }
        public static let horizontal = Set(rawValue: 1)
    }
}

public struct TextEditor: Primitive {
    public init(text: Binding<String>) {}
}

public struct Toggle: Primitive {
    public init(_ key: LocalizedStringKey, isOn: Binding<Bool>) {}
    @_disfavoredOverload public init<S: StringProtocol>(_ title: S, isOn: Binding<Bool>) {}
}

public struct Stepper: Primitive {
    public init<V: Strideable>(
        _ key: LocalizedStringKey, value: Binding<V>, in bounds: ClosedRange<V>, step: V.Stride = 1
    ) {}
}

public struct Picker<Content: View>: Primitive {
    public init<S: Hashable>(
        _ key: LocalizedStringKey, selection: Binding<S>, @ViewBuilder content: () -> Content
    ) {}
}

public struct Menu<Content: View>: Primitive {
    public init(
        _ key: LocalizedStringKey, systemImage: String, @ViewBuilder content: () -> Content
    ) {}
    @_disfavoredOverload
    public init<S: StringProtocol>(_ title: S, @ViewBuilder content: () -> Content) {}
}

public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: Primitive {
    public init(_ data: Data, @ViewBuilder content: @escaping (Data.Element) -> Content)
    where Data.Element: Identifiable, ID == Data.Element.ID {}
    public init(
        _ data: Data, id: KeyPath<Data.Element, ID>,
        @ViewBuilder content: @escaping (Data.Element) -> Content
    ) {}
}

public struct Group<Content: View>: Primitive {
    public init(@ViewBuilder content: () -> Content) {}
}

public struct NavigationStack<Content: View>: Primitive {
    public init(@ViewBuilder root: () -> Content) {}
}

public struct TabView<Content: View>: Primitive {
    public init(@ViewBuilder content: () -> Content) {}
}

public struct Form<Content: View>: Primitive {
    public init(@ViewBuilder content: () -> Content) {}
}

public struct Section<Content: View, Footer: View>: Primitive {
    @_disfavoredOverload
    public init<S: StringProtocol>(_ title: S, @ViewBuilder content: () -> Content)
    where Footer == EmptyView {}
    public init(_ key: LocalizedStringKey, @ViewBuilder content: () -> Content)
    where Footer == EmptyView {}
    public init(@ViewBuilder content: () -> Content, @ViewBuilder footer: () -> Footer) {}
}

public struct DisclosureGroup<Content: View>: Primitive {
    public init(_ key: LocalizedStringKey, @ViewBuilder content: @escaping () -> Content) {}
}

public struct LabeledContent: Primitive {
    public init<S1: StringProtocol, S2: StringProtocol>(_ title: S1, value: S2) {}
}

public struct ContentUnavailableView<L: View, D: View>: Primitive {
    public init(@ViewBuilder label: () -> L, @ViewBuilder description: () -> D) {}
}

public enum HorizontalAlignment { case leading, center, trailing }

public struct HStack<Content: View>: Primitive {
    public init(spacing: CGFloat? = nil, @ViewBuilder content: () -> Content) {}
}

public struct VStack<Content: View>: Primitive {
    public init(
        alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil,
        @ViewBuilder content: () -> Content
    ) {}
}

public struct ViewThatFits<Content: View>: Primitive {
    public init(in axes: Axis.Set, @ViewBuilder content: () -> Content) {}
}

public struct ProgressView: Primitive {
    public init() {}
    public init<V: BinaryFloatingPoint>(_ key: LocalizedStringKey, value: V?, total: V = 1.0) {}
}

public struct ToolbarItemPlacement {
    public static let topBarLeading = ToolbarItemPlacement()
    public static let confirmationAction = ToolbarItemPlacement()
}

public struct ToolbarItem<Content: View>: Primitive {
    public init(placement: ToolbarItemPlacement, @ViewBuilder content: () -> Content) {}
}

public struct ScrollDismissesKeyboardMode: Sendable {
    public static var interactively: ScrollDismissesKeyboardMode { fatalError() }
}
public struct SubmitLabel { public static var search: SubmitLabel { fatalError() } }
public struct HierarchicalShapeStyle { public static let secondary = HierarchicalShapeStyle() }
public struct AccessibilityChildBehavior {
    public static let combine = AccessibilityChildBehavior()
    public static let ignore = AccessibilityChildBehavior()
}
public enum Edge {
    public struct Set: OptionSet, Sendable {
        public let rawValue: Int8
        public init(rawValue: Int8) { self.rawValue = rawValue }
        public static let horizontal = Set(rawValue: 1)
    }
}
public protocol TextSelectability {}
public struct EnabledTextSelectability: TextSelectability {}
extension TextSelectability where Self == EnabledTextSelectability {
    public static var enabled: Self { fatalError() }
}

extension View {
    public func tabItem<V: View>(@ViewBuilder _ label: () -> V) -> some View { self }
    public func navigationTitle(_ key: LocalizedStringKey) -> some View { self }
    public func toolbar<V: View>(@ViewBuilder content: () -> V) -> some View { self }
    public func sheet<V: View>(
        isPresented: Binding<Bool>, onDismiss: (() -> Void)? = nil,
        @ViewBuilder content: @escaping () -> V
    ) -> some View { self }
    public func tag<V: Hashable>(_ tag: V) -> some View { self }
    public func disabled(_ disabled: Bool) -> some View { self }
    public func font(_ font: Font?) -> some View { self }
    public func foregroundStyle(_ style: HierarchicalShapeStyle) -> some View { self }
    public func padding(_ edges: Edge.Set) -> some View { self }
    public func scrollDismissesKeyboard(_ mode: ScrollDismissesKeyboardMode) -> some View { self }
    public func submitLabel(_ label: SubmitLabel) -> some View { self }
    public func onSubmit(_ action: @escaping () -> Void) -> some View { self }
    public func textSelection<S: TextSelectability>(_ selectability: S) -> some View { self }
    public func accessibilityElement(children: AccessibilityChildBehavior) -> some View { self }
    public func accessibilityLabel(_ key: LocalizedStringKey) -> some View { self }
    @_disfavoredOverload
    public func accessibilityLabel<S: StringProtocol>(_ label: S) -> some View { self }
    public func accessibilityValue(_ key: LocalizedStringKey) -> some View { self }
    @_disfavoredOverload
    public func accessibilityValue<S: StringProtocol>(_ value: S) -> some View { self }
}
