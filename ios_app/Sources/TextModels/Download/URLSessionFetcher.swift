import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Fetches files with URLSession, in the background where an identifier is given: the system goes
/// on while the app is suspended, and a new start of the app finds what was fetched.
public final class URLSessionFetcher: NSObject, FileFetcher, @unchecked Sendable {
    private typealias Waiter = CheckedContinuation<Void, any Error>

    private let lock = NSLock()
    /// By task. Guarded by the lock, as is `failures`.
    private var waiters: [Int: Waiter] = [:]
    private var failures: [Int: TextModelsError] = [:]
    private var session: URLSession!

    /// - Parameter background: identifier of a background session, one for each app; nil, and
    ///   wherever there are none: a session of this process.
    public init(background: String? = nil) {
        super.init()
        session = URLSession(
            configuration: Self.configuration(background), delegate: self, delegateQueue: nil
        )
    }

    private static func configuration(_ background: String?) -> URLSessionConfiguration {
        #if !canImport(FoundationNetworking)
        if let background {
            let configuration = URLSessionConfiguration.background(withIdentifier: background)
            configuration.sessionSendsLaunchEvents = true
            return configuration
        }
        #endif
        return .ephemeral
    }

    public func fetch(_ url: URL, to file: URL) async throws {
        let task = await unfinished(file) ?? session.downloadTask(with: url)
        // A later start of the app finds in it where the file belongs.
        task.taskDescription = file.path
        do {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { waiter in
                    lock.withLock { waiters[task.taskIdentifier] = waiter }
                    task.resume()
                }
            } onCancel: {
                task.cancel()
            }
        } catch {
            try Task.checkCancellation()
            throw error
        }
    }

    /// The task of an earlier start of the app that still fetches a file.
    private func unfinished(_ file: URL) async -> URLSessionTask? {
        await withCheckedContinuation { found in
            session.getAllTasks { tasks in
                found.resume(returning: tasks.first {
                    $0.taskDescription == file.path && $0.state == .running
                })
            }
        }
    }

    private func finish(_ task: URLSessionTask, _ error: (any Error)?) {
        let (waiter, failure) = lock.withLock {
            (
                waiters.removeValue(forKey: task.taskIdentifier),
                failures.removeValue(forKey: task.taskIdentifier)
            )
        }
        let name = task.originalRequest?.url?.lastPathComponent ?? "file"
        if let failure {
            waiter?.resume(throwing: failure)
        } else if let error {
            waiter?.resume(throwing: TextModelsError.failedDownload(
                file: name, reason: error.localizedDescription
            ))
        } else {
            waiter?.resume()
        }
    }
}

extension URLSessionFetcher: URLSessionDownloadDelegate {
    /// The system removes the file when this returns.
    public func urlSession(
        _ session: URLSession, downloadTask: URLSessionDownloadTask,
        didFinishDownloadingTo location: URL
    ) {
        var reason: String?
        if let response = downloadTask.response as? HTTPURLResponse, response.statusCode != 200 {
            reason = "the server answered \(response.statusCode)"
        } else if let path = downloadTask.taskDescription {
            let target = URL(fileURLWithPath: path)
            do {
                try? FileManager.default.removeItem(at: target)
                try FileManager.default.moveItem(at: location, to: target)
            } catch {
                reason = error.localizedDescription
            }
        }
        guard let reason else { return }
        let name = downloadTask.originalRequest?.url?.lastPathComponent ?? "file"
        lock.withLock {
            failures[downloadTask.taskIdentifier] = .failedDownload(file: name, reason: reason)
        }
    }

    public func urlSession(
        _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
    ) {
        finish(task, error)
    }
}
