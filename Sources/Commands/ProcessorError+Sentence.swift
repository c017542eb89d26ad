internal import Glibc
internal import Machine

extension ProcessorError {
  /// The error in one sentence: what failed, why, and what to do.
  var sentence: String {
    var text = "\(operation) failed"
    if errorNumber != 0 { text += ": \(unsafe String(cString: strerror(errorNumber)))" }
    if let missingCapability { text += ", since this host lacks \(missingCapability)" }
    if let advice { text += " (\(advice))" }
    return text
  }
}
