internal import CKVM
public import Machine

#if canImport(Glibc)
  internal import Glibc
#endif

extension KVMProcessor {
  /// KVM's own counters of this vCPU by name (KVM_GET_STATS_FD): cumulative, peak and instant
  /// values; histograms are left out.
  ///
  /// - Throws: ``ProcessorError`` where the kernel lacks KVM_CAP_BINARY_STATS_FD (before 5.14).
  public func statistics() throws(ProcessorError) -> [String: UInt64] {
    let result = ckvm_call(cpu.descriptor.number, CKVM_GET_STATS_FD, 0)
    guard result >= 0 else {
      throw ProcessorError(
        operation: "KVM_GET_STATS_FD", errorNumber: -result,
        missingCapability: Capability.binaryStatsFD.name)
    }
    return try StatisticsFile(Descriptor(result)).values()
  }
}

/// The binary statistics file of a vCPU (Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD).
private struct StatisticsFile: ~Copyable {
  private let file: Descriptor
  /// More descriptors or longer names than this are not believed.
  private static let maximumDescriptors = 4096
  private static let maximumNameBytes = 256
  /// flags u32, exponent i16, size u16, offset u32, bucket size u32, then the name.
  private static let descriptorHeaderBytes = 16

  init(_ file: consuming Descriptor) { self.file = file }

  func values() throws(ProcessorError) -> [String: UInt64] {
    // flags, name size, descriptor count, id offset, descriptor offset, data offset: u32 each.
    let header = try read(24, at: 0)
    let nameBytes = Int(header.integer(at: 4, bytes: 4))
    let count = Int(header.integer(at: 8, bytes: 4))
    guard nameBytes <= Self.maximumNameBytes, count <= Self.maximumDescriptors else {
      throw .misuse("KVM_GET_STATS_FD", "the statistics header is not plausible")
    }
    let stride = Self.descriptorHeaderBytes + nameBytes
    let table = try read(count * stride, at: Int(header.integer(at: 16, bytes: 4)))
    let dataOffset = Int(header.integer(at: 20, bytes: 4))
    var values: [String: UInt64] = [:]
    for index in 0..<count {
      let start = index * stride
      guard table.integer(at: start + 6, bytes: 2) == 1 else { continue }
      let name = table[(start + Self.descriptorHeaderBytes)..<(start + stride)]
      let offset = dataOffset + Int(table.integer(at: start + 8, bytes: 4))
      values[String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)] =
        try read(8, at: offset).integer(at: 0, bytes: 8)
    }
    return values
  }

  private func read(_ count: Int, at offset: Int) throws(ProcessorError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    // Safe: pread writes at most `count` bytes.
    let got = unsafe bytes.withUnsafeMutableBytes {
      unsafe pread(file.number, $0.baseAddress, count, off_t(offset))
    }
    guard got == count else {
      throw ProcessorError(operation: "read of KVM statistics", errorNumber: got < 0 ? errno : 0)
    }
    return bytes
  }
}

extension [UInt8] {
  fileprivate func integer(at offset: Int, bytes: Int) -> UInt64 {
    (0..<bytes).reduce(0) { $0 | UInt64(self[offset + $1]) << UInt64(8 * $1) }
  }
}
