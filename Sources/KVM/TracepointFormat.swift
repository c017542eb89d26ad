internal import Machine

/// A tracepoint's number and where its fields lie in a raw record, from tracefs.
struct TracepointFormat: Equatable {
  /// A field's place in the raw record, in bytes.
  struct Field: Equatable {
    var offset: Int
    var size: Int
  }

  /// `kvm:kvm_exit`.
  let name: String
  /// The number perf_event_open and each record know it by.
  let number: UInt16
  private let fields: [String: Field]

  /// Reads a `format` file.
  ///
  /// - Throws: ``ProcessorError`` when the text has no number or no fields.
  init(parsing text: String, name: String) throws(ProcessorError) {
    var number: UInt16?
    var fields: [String: Field] = [:]
    for line in text.split(separator: "\n") {
      if line.hasPrefix("ID:") {
        number = UInt16(line.dropFirst(3).drop { $0 == " " })
      } else if let (name, field) = Self.field(in: line) {
        fields[name] = field
      }
    }
    guard let number, !fields.isEmpty else {
      throw ProcessorError(
        operation: "reading the tracepoint \(name)",
        advice: "its format in tracefs is not one vmreel knows; leave --kernel-exits out")
    }
    self.name = name
    self.number = number
    self.fields = fields
  }

  /// The place of a field of 1, 2, 4 or 8 bytes.
  ///
  /// - Throws: ``ProcessorError`` naming the field when the kernel's tracepoint lacks it.
  func field(_ field: String) throws(ProcessorError) -> Field {
    guard let place = fields[field] else {
      throw ProcessorError(
        operation: "reading the tracepoint \(name)",
        advice: "this kernel's has no field \(field) that vmreel can read; "
          + "leave --kernel-exits out")
    }
    return place
  }

  // A line is: field:unsigned int exit_reason; offset:8; size:4; signed:0; with tabs between.
  private static func field(in line: Substring) -> (name: String, field: Field)? {
    let parts = line.split(separator: ";").map { $0.drop { $0 == "\t" || $0 == " " } }
    guard parts.count >= 3, parts[0].hasPrefix("field:"),
      let name = parts[0].split(separator: " ").last,
      let offset = number(in: parts[1], after: "offset:"),
      let size = number(in: parts[2], after: "size:"),
      [1, 2, 4, 8].contains(size), (0...4096).contains(offset)
    else { return nil }
    return (String(name), Field(offset: offset, size: size))
  }

  private static func number(in text: Substring, after prefix: String) -> Int? {
    text.hasPrefix(prefix) ? Int(text.dropFirst(prefix.count)) : nil
  }
}

/// Where the kernel describes its tracepoints.
enum Tracefs {
  /// The places it is mounted at, usually.
  static let roots = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]

  /// A tracepoint's format, by `system:name`.
  ///
  /// - Throws: ``ProcessorError`` that says what is missing and how to mend it.
  static func format(of name: String) throws(ProcessorError) -> TracepointFormat {
    let path = "/events/" + name.split(separator: ":").joined(separator: "/") + "/format"
    for root in roots {
      let text = HostFiles.text(root + path)
      if !text.isEmpty { return try TracepointFormat(parsing: text, name: name) }
    }
    throw ProcessorError(operation: "reading the tracepoint \(name)", advice: advice)
  }

  /// Why no format could be read.
  private static var advice: String {
    guard let mounted = roots.first(where: { HostFiles.exists($0 + "/events") }) else {
      return "tracefs is not readable at \(roots[0]): run as root, and mount it "
        + "(mount -t tracefs tracefs \(roots[0])), or leave --kernel-exits out"
    }
    return HostFiles.exists(mounted + "/events/kvm")
      ? "its format under \(mounted) cannot be read: run as root, or leave --kernel-exits out"
      : "this kernel's KVM has no tracepoints under \(mounted)/events/kvm; "
        + "leave --kernel-exits out"
  }
}
