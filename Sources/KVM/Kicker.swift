internal import CKVM
internal import Synchronization

/// Stops a running guest from another thread.
///
/// The signal it sends only breaks KVM_RUN; that a stop was asked for is in a flag the run loop
/// reads, so a request is never lost and never delivered twice, and requests made before the
/// guest stopped are one.
public struct Kicker: Sendable {
  let state = KickState()

  /// Ends the current run, or else the next one, with `kick(.request)`.
  ///
  /// Callable from any thread.
  public func kick() {
    // The first request sends the signal; later ones ride on it until it is delivered.
    guard !state.isRequested.exchange(true, ordering: .sequentiallyConsistent) else { return }
    let thread = state.thread.load(ordering: .sequentiallyConsistent)
    if thread > 0 { _ = ckvm_kick(thread) }
  }
}

/// What the kicker and the run loop share.
final class KickState: Sendable {
  /// A request that no run has returned yet.
  let isRequested = Atomic<Bool>(false)
  /// The kernel's id of the thread that runs the vCPU; 0 when there is none.
  let thread = Atomic<Int32>(0)

  /// Takes the pending request.
  func take() -> Bool {
    isRequested.load(ordering: .sequentiallyConsistent)
      && isRequested.exchange(false, ordering: .sequentiallyConsistent)
  }
}
