import Foundation

/// What can go wrong, in words for the person at the screen.
public enum TextModelsError: Error, Equatable, Sendable {
    case missingFile(String)
    case badFile(name: String, reason: String)
    case badVocabulary(String)
    case wrongTask(String, expected: String)
    case noRoomForPassage(length: Int)
    case noEntailment([String])
    case emptyText
    case oneText
    case emptyQuestion
    case emptyPassage
    case textTooLong(count: Int, limit: Int)
    case noFramework([String])
    case wrongModel(String)
    case badOutput(String)
    case failedDownload(file: String, reason: String)
}

extension TextModelsError: LocalizedError {
    public var errorDescription: String? {
        switch self {
        case .missingFile(let name):
            return "The model's folder has no \(name). Export the model again."
        case .badFile(let name, let reason):
            return "\(name) cannot be used: \(reason)."
        case .badVocabulary(let reason):
            return "The vocabulary cannot be used: \(reason)."
        case .wrongTask(let task, let expected):
            return "This model was exported for the task “\(task)” (expected “\(expected)”)."
        case .noEntailment(let labels):
            return "Labels in words need a model with a label for entailment (this one has "
                + "\(labels.isEmpty ? "none" : labels.joined(separator: ", ")))."
        case .emptyText:
            return "There is no text."
        case .oneText:
            return "This task takes one text, not two."
        case .noRoomForPassage(let length):
            return "\(length) tokens leave no room for the passage beside the question."
        case .emptyQuestion:
            return "Type a question first."
        case .emptyPassage:
            return "There is no passage to look in."
        case .textTooLong(let count, let limit):
            return "The text has \(count) characters (at most \(limit))."
        case .noFramework(let reasons):
            return "Nothing here runs this model: \(reasons.joined(separator: "; "))."
        case .wrongModel(let reason):
            return "The model does not fit its settings: \(reason)."
        case .badOutput(let reason):
            return "The model's output cannot be used: \(reason)."
        case .failedDownload(let file, let reason):
            return "\(file) could not be downloaded: \(reason)."
        }
    }
}
