internal import Analysis
internal import Trace

extension EventDescription {
  /// The line with the function that the event's RIP lies in.
  func line(naming symbols: SymbolTable?) -> String {
    guard record.event.kind.isExit, let symbols,
      let (index, offset) = symbols.symbol(at: record.event.rip)
    else { return line }
    let name = EscapedText.terminal(symbols.name(index))
    return line + " " + name + (offset == 0 ? "" : "+" + NumberText.hex(offset))
  }
}
