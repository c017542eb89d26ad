internal import Bytes
internal import Machine
internal import Trace

extension Replayer {
  /// Installs a keyframe: every page that differs from `pages`, then the vCPU's state.
  ///
  /// An unfinished instruction is finished first, since that may still write to RAM.
  func install(_ keyframe: Keyframe, pages: [UInt32: StoredPage]) throws {
    try abandonInstruction()
    noteTouchedPages(try cpu.takeDirtyPages())
    let stale = Set(map.keys).union(pages.keys).union(touched).filter {
      map[$0] != pages[$0] || touched.contains($0)
    }
    if let stranger = stale.first(where: { $0 >= memory.pageCount }) {
      throw ReplayError.unsupported(
        "keyframe \(keyframe.number) holds page \(stranger), which lies outside the guest's RAM")
    }
    let zeros = [UInt8](repeating: 0, count: GuestMemory.pageSize)
    for page in stale where pages[page] == nil { memory.write(zeros, at: address(of: page)) }
    try reel.forEachPage(of: pages.filter { stale.contains($0.key) }) { page, content in
      _ = unsafe content.withUnsafeBytes { unsafe memory.write($0, at: address(of: page)) }
    }
    map = pages
    try cpu.restoreState(try state(of: keyframe))
    isIncomplete = false
    pendingExit = nil
    forgetTouchedPages()
  }

  private func address(of page: UInt32) -> UInt64 {
    UInt64(page) * UInt64(GuestMemory.pageSize)
  }

  /// Finishes the last exit's instruction with whatever answer it holds.
  func abandonInstruction() throws {
    for _ in 0..<4096 {
      guard try cpu.complete() != nil else { return }
    }
    throw ReplayError.unsupported("the instruction at event \(current.index) does not end")
  }

  /// The vCPU state a keyframe holds.
  func state(of keyframe: Keyframe) throws -> VCPUState {
    let state: VCPUState?
    do {
      state = try VCPUState(stateEntries: keyframe.vcpuStates)
    } catch {
      throw ReplayError.unsupported(
        "the vCPU state of keyframe \(keyframe.number) cannot be read: \(error)")
    }
    guard let state else {
      throw ReplayError.unsupported("keyframe \(keyframe.number) holds no state of vCPU 0")
    }
    return state
  }

  /// The keyframe a mark names; it must name the mark, too.
  func keyframe(number: UInt64, markedAt index: EventIndex) throws -> Keyframe {
    let keyframe = try reel.keyframe(number)
    guard keyframe.eventIndex == index else {
      throw ReplayError.unsupported(
        "keyframe \(number) says it stands at event \(keyframe.eventIndex), "
          + "but its mark is event \(index)")
    }
    return keyframe
  }

  /// Compares the replayed state with a keyframe's at its mark.
  ///
  /// A seal's keyframe has been reached or installed by ``land(_:)`` already. At the last event of a
  /// range RAM is held to what a replay that starts from this keyframe installs.
  func passKeyframe(_ mark: Event) throws {
    try reachBoundary()
    let keyframe = try keyframe(number: mark.address, markedAt: current.index)
    let isIgnored = isCorrected(.keyframeIgnored)
    guard isIgnored || keyframe.digest == digest.running.value else { throw diverged(.registers) }
    let isLast = keyframe.kind == .end
    let pages =
      current.index == range.lastEvent
      ? try reel.pageMap(at: keyframe.number) : try pageMap(after: keyframe)
    let differing = try stateDifferences(keyframe)
    let checked = try pageDifferences(pages, all: isLast)
    guard isIgnored || differing.isEmpty && checked.differing.isEmpty else {
      throw diverged(.state(differing, pages: checked.differing))
    }
    map = pages
    forgetTouchedPages()
    verdict.keyframesCompared += 1
    notePassedKeyframe(keyframe)
    if isLast { verdict.finalPagesCompared = checked.count }
  }

  /// The recorded content of RAM at the keyframe that follows the last one passed.
  func pageMap(after keyframe: Keyframe) throws -> [UInt32: StoredPage] {
    if keyframe.isFullMap { return try reel.pageMap(at: keyframe.number) }
    var pages = map
    for entry in keyframe.pages {
      pages[entry.page] = entry.content == .zero ? nil : entry.content
    }
    return pages
  }

  private func stateDifferences(_ keyframe: Keyframe) throws -> [StateDifference] {
    // After a shutdown the vCPU's state is the host's (kvm-amd resets it).
    if history.last?.event.kind == .shutdown { return [] }
    return differences(
      from: try state(of: keyframe), to: try cpu.captureState(),
      comparesArithmeticFlags: policy.hostIsOfRecordedKind)
  }

  /// The pages in which RAM differs from a map, among those that either side changed, or all.
  func pageDifferences(
    _ pages: [UInt32: StoredPage], all: Bool
  ) throws -> (differing: [Divergence.PageDifference], count: Int) {
    noteTouchedPages(try cpu.takeDirtyPages())
    let candidates = all ? Array(0..<UInt32(memory.pageCount)) : changeCandidates(pages).sorted()
    var differing: [Divergence.PageDifference] = []
    for page in candidates {
      let recorded = pages[page, default: .zero]
      guard liveIdentity(page) != recorded.identity else { continue }
      differing.append(try difference(of: page, recorded))
      if differing.count == 16 { break }
    }
    return (differing, candidates.count)
  }

  /// The pages that the replay wrote or the recording changed since the last keyframe.
  private func changeCandidates(_ pages: [UInt32: StoredPage]) -> Set<UInt32> {
    var candidates = touched
    for (page, content) in pages where map[page] != content { candidates.insert(page) }
    for page in map.keys where pages[page] == nil { candidates.insert(page) }
    return candidates
  }

  private func liveIdentity(_ page: UInt32) -> PageIdentity? {
    guard Int(page) < memory.pageCount else { return nil }
    return unsafe memory.withPage(page) { unsafe reel.identity(of: $0) }
  }

  private func difference(
    of page: UInt32, _ content: StoredPage
  ) throws -> Divergence.PageDifference {
    let recorded = try reel.page(content)
    let live = memory.read(address(of: page), count: GuestMemory.pageSize) ?? []
    let offset = zip(recorded, live).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    return Divergence.PageDifference(
      page: page, offset: offset, recorded: offset.map { recorded[$0] } ?? 0,
      replayed: offset.map { live[$0] } ?? 0)
  }

  func noteTouchedPages(_ pages: [UInt32]) {
    touched.formUnion(pages)
    touched.formUnion(memory.takeBoardWrittenPages())
  }

  func forgetTouchedPages() {
    touched.removeAll(keepingCapacity: true)
    _ = memory.takeBoardWrittenPages()
  }
}
