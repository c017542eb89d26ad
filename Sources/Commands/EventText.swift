internal import Trace
enum EventText { static func line(_ i: EventIndex, _ e: Event) -> String { "\(i) \(e.kind.name) \(String(e.address, radix: 16)) w\(e.width) = \(String(e.value, radix: 16)) rip \(String(e.rip, radix: 16))" } }
