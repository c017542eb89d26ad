internal import ArgumentParser

/// A number in decimal or, with 0x, hexadecimal.
struct Address: ExpressibleByArgument {
  var value: UInt64

  init?(argument: String) {
    let isHex = argument.lowercased().hasPrefix("0x")
    guard
      let value = UInt64(isHex ? String(argument.dropFirst(2)) : argument, radix: isHex ? 16 : 10)
    else { return nil }
    self.value = value
  }
}

/// A duration such as `5ms`, `250us`, `2s` or, in seconds, `1.5`.
struct Duration: ExpressibleByArgument, CustomStringConvertible {
  var nanoseconds: UInt64

  static func milliseconds(_ count: UInt64) -> Duration { Duration(nanoseconds: count * 1_000_000) }

  private init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// As a user would write it, in the largest unit that needs no fraction.
  var description: String {
    for (suffix, scale) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)] as [(_, UInt64)]
    where nanoseconds.isMultiple(of: scale) {
      return "\(nanoseconds / scale)\(suffix)"
    }
    return "\(nanoseconds)ns"
  }

  init?(argument: String) {
    let units: [(suffix: String, scale: Double)] = [
      ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("", 1e9),
    ]
    for (suffix, scale) in units where argument.hasSuffix(suffix) {
      guard let number = Double(argument.dropLast(suffix.count)), number.isFinite, number >= 0,
        number * scale < 1e18
      else { return nil }
      nanoseconds = UInt64(number * scale)
      return
    }
    return nil
  }
}

/// A share such as `5%` or `2.5`.
struct Percentage: ExpressibleByArgument, CustomStringConvertible {
  var value: Double

  init(value: Double) {
    self.value = value
  }

  init?(argument: String) {
    let digits = argument.hasSuffix("%") ? String(argument.dropLast()) : argument
    guard let value = Double(digits), value.isFinite, value >= 0 else { return nil }
    self.value = value
  }

  var description: String {
    value == value.rounded() && value < 1e9 ? "\(Int(value))%" : "\(value)%"
  }
}
