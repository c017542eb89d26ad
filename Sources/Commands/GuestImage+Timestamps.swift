internal import Machine
internal import Trace

extension GuestImage {
  /// Rewrites the RDTSC instructions of a Linux kernel, as ``TSCPolicy/patch`` demands.
  ///
  /// A bzImage is unpacked first: it would unpack itself over whatever was rewritten. The identity
  /// stays that of the file.
  ///
  /// - Returns: which instructions, for the metadata.
  mutating func rewriteTimestamps() throws -> Metadata.TimestampSites {
    guard case .linux(var linux) = loader else {
      throw CommandFailure(
        "--tsc patch rewrites a Linux kernel, and \(identity.name) is none; use --tsc none")
    }
    let sites: TimestampPatch
    do {
      if linux.kernel.starts(with: [0x7f, 0x45, 0x4c, 0x46]) == false {
        linux.kernel = try LinuxPayload.extract(linux.kernel)
      }
      sites = try TimestampPatch(linux.kernel)
      sites.apply(to: &linux.kernel)
      identity.entry = try linux.entry().rawValue
    } catch {
      throw CommandFailure("\(identity.name): \(error.description)")
    }
    loader = .linux(linux)
    return Metadata.TimestampSites(
      rewritten: Self.addresses(sites.rewritten), hidden: Self.addresses(sites.hidden),
      userSpace: Self.addresses(sites.userSpace))
  }

  private static func addresses(_ sites: [TimestampSite]) -> [String] {
    sites.map { "0x" + String($0.address, radix: 16) }
  }
}
