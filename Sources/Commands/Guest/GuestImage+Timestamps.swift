internal import Machine
internal import Trace

/// A Linux kernel whose RDTSC instructions cannot be told from its data.
struct UnpatchableKernel: Error {
  var name: String
  var reason: String

  /// For the user who demanded ``TSCPolicy/patch``.
  var failure: CommandFailure {
    CommandFailure("\(name): \(LoaderError.notPatchable(reason: reason).description)")
  }

  /// For the user who left the choice to vmreel, and gets ``TSCPolicy/none``.
  var note: String {
    "note: \(name): its RDTSC instructions cannot be rewritten (\(reason)), so they read the host's "
      + "counter, and a replay diverges where that shows; --tsc none says this is meant"
  }
}

extension GuestImage {
  /// Rewrites the RDTSC instructions of a Linux kernel, as ``TSCPolicy/patch`` demands.
  ///
  /// A bzImage is unpacked first: it would unpack itself over whatever was rewritten. The identity
  /// stays that of the file.
  ///
  /// - Returns: which instructions, for the metadata.
  /// - Throws: ``UnpatchableKernel`` when they cannot be found, the image being as it was;
  ///   ``CommandFailure`` when there is no Linux kernel in the image.
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
    } catch .notPatchable(let reason) {
      throw UnpatchableKernel(name: identity.name, reason: reason)
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
