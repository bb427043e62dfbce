// Stub of the calls that QADemo makes: lists, links, images and previews; README.md says what for.
import Foundation

public struct Image: Primitive {
    public init(systemName: String) {}
}

public struct List<Content: View>: Primitive {
    public init(@ViewBuilder content: () -> Content) {}
    public init<Data: RandomAccessCollection, Row: View>(
        _ data: Data, @ViewBuilder rowContent: @escaping (Data.Element) -> Row
    ) where Data.Element: Identifiable, Content == ForEach<Data, Data.Element.ID, Row> {}
}

public struct NavigationLink<Label: View, Destination: View>: Primitive {
    public init(
        @ViewBuilder destination: () -> Destination, @ViewBuilder label: () -> Label
    ) {}
}

public protocol PreviewProvider {
    associatedtype Previews: View
    @MainActor @ViewBuilder static var previews: Previews { get }
}

extension Text {
    @_disfavoredOverload public init(_ resource: LocalizedStringResource) {}
}

extension View {
    public func navigationTitle(_ title: Text) -> some View { self }
    public func accessibilityLabel(_ label: Text) -> some View { self }
    public func accessibilityIdentifier(_ identifier: String) -> some View { self }
    public func textInputAutocapitalization(_ autocapitalization: TextInputAutocapitalization?)
        -> some View { self }
    public func autocorrectionDisabled(_ disable: Bool = true) -> some View { self }
}

public struct TextInputAutocapitalization: Sendable {
    public static var never: TextInputAutocapitalization { fatalError() }
}

extension Section where Footer == EmptyView {
    public init(@ViewBuilder content: () -> Content) {}
}

public struct BackgroundTask<Request, Response>: Sendable {}

extension BackgroundTask where Request == Void, Response == Void {
    public static func urlSession(_ identifier: String) -> BackgroundTask { fatalError() }
}

extension Scene {
    public func backgroundTask<D, R>(
        _ task: BackgroundTask<D, R>, action: @escaping @Sendable (D) async -> R
    ) -> some Scene where D: Sendable, R: Sendable { self }
}

public enum AccessibilityNotification {
    public struct Announcement {
        public init(_ announcement: String) {}
        public func post() {}
    }
}

extension View {
    public func task(
        priority: TaskPriority = .userInitiated, _ action: sending @escaping @isolated(any) () async -> Void
    ) -> some View { self }
    public func onChange<V: Equatable>(
        of value: V, initial: Bool = false, _ action: @escaping (V, V) -> Void
    ) -> some View { self }
}
