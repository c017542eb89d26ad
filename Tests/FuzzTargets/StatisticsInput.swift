internal import Analysis

/// What users give to `stats` besides a reel.
enum StatisticsInput {
  /// A symbols file, looked up in as `--by symbol` does.
  static func symbols(_ bytes: [UInt8]) {
    for selection in [SymbolTable.Selection.code, .all] {
      do throws(SymbolTableError) {
        look(in: try SymbolTable(parsing: bytes, keeping: selection))
      } catch {
        precondition(!error.description.isEmpty && !error.description.contains("\n"))
      }
    }
  }

  private static func look(in table: SymbolTable) {
    precondition(table.count > 0, "a table without symbols")
    var previous: UInt64 = 0
    for index in 0..<table.count {
      let address = table.address(index)
      precondition(address >= previous, "symbols out of order")
      previous = address
      if let found = table.symbol(at: address) {
        precondition(table.address(found.index) &+ found.offset == address)
      }
      let name = table.name(index)
      precondition(!name.unicodeScalars.contains { $0.properties.generalCategory == .control })
      if index < 4 { _ = table.addresses(of: name) }
    }
    for address in [0, previous &+ 1, .max] { _ = table.symbol(at: address) }
    for lstar in [0, previous] {
      let entries = KernelSlide.EntryPoints(lstar: lstar, cstar: 1, sysenter: 1)
      _ = try? KernelSlide(entries, atKeyframe: 0, symbols: table)
    }
  }

  /// An assertion, held against values of every magnitude.
  static func assertion(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    do throws(StatisticsAssertionError) {
      let assertion = try StatisticsAssertion(parsing: text)
      precondition(assertion.bound >= 0 && assertion.bound.isFinite)
      for value in [0, 0.1, 1, 999.9995, 1e9, 1.5e300, .infinity, .nan, assertion.bound] {
        let outcome = assertion.evaluate { _ in .value(value, samples: 3) }
        precondition(!outcome.text.contains("\n"))
      }
      _ = assertion.evaluate { _ in .absent }
      guard let again = try? StatisticsAssertion(parsing: assertion.text) else {
        preconditionFailure("its own text is not read again")
      }
      precondition(again.bound == assertion.bound && again.comparison == assertion.comparison)
    } catch {
      precondition(error.offset >= 0 && error.offset <= text.count)
      precondition(error.description.split(separator: "\n").count == 3)
    }
  }
}
