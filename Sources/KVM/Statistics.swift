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
    let values = try statisticsFile().values()
    return Dictionary(values.map { ($0.name, $0.value) }) { first, _ in first }
  }

  func statisticsFile() throws(ProcessorError) -> StatisticsFile {
    let result = ckvm_call(cpu.descriptor.number, CKVM_GET_STATS_FD, 0)
    guard result >= 0 else {
      throw ProcessorError(
        operation: "KVM_GET_STATS_FD", errorNumber: -result,
        missingCapability: Capability.binaryStatsFD.name)
    }
    return try StatisticsFile(Descriptor(result))
  }
}

/// The binary statistics file of a vCPU (Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD).
final class StatisticsFile {
  private let file: Descriptor
  /// Names and offsets into the data, in the kernel's order.
  private let places: [(name: String, offset: Int)]
  private let dataOffset: Int
  private let dataSize: Int
  /// More descriptors, longer names or more data than this are not believed.
  private static let maximumDescriptors = 4096
  private static let maximumNameBytes = 256
  private static let maximumDataBytes = 1 << 20
  /// flags u32, exponent i16, size u16, offset u32, bucket size u32, then the name.
  private static let descriptorHeaderBytes = 16

  /// Reads what the file is made of.
  init(_ file: consuming Descriptor) throws(ProcessorError) {
    // flags, name size, descriptor count, id offset, descriptor offset, data offset: u32 each.
    let header = try Self.read(file, 24, at: 0)
    let nameBytes = Int(header.integer(at: 4, bytes: 4))
    let count = Int(header.integer(at: 8, bytes: 4))
    guard nameBytes <= Self.maximumNameBytes, count <= Self.maximumDescriptors else {
      throw .misuse("KVM_GET_STATS_FD", "the statistics header is not plausible")
    }
    let stride = Self.descriptorHeaderBytes + nameBytes
    let table = try Self.read(file, count * stride, at: Int(header.integer(at: 16, bytes: 4)))
    var places: [(name: String, offset: Int)] = []
    for start in Swift.stride(from: 0, to: count * stride, by: stride) {
      guard table.integer(at: start + 6, bytes: 2) == 1 else { continue }
      let name = table[(start + Self.descriptorHeaderBytes)..<(start + stride)]
      places.append(
        (
          String(decoding: name.prefix { $0 != 0 }, as: UTF8.self),
          Int(table.integer(at: start + 8, bytes: 4))
        ))
    }
    dataSize = (places.map(\.offset).max() ?? -8) + 8
    guard dataSize <= Self.maximumDataBytes else {
      throw .misuse("KVM_GET_STATS_FD", "the statistics descriptors are not plausible")
    }
    dataOffset = Int(header.integer(at: 20, bytes: 4))
    self.places = places
    self.file = file
  }

  /// The values now, by one read.
  func values() throws(ProcessorError) -> [(name: String, value: UInt64)] {
    let data = try Self.read(file, dataSize, at: dataOffset)
    return places.map { ($0.name, data.integer(at: $0.offset, bytes: 8)) }
  }

  private static func read(
    _ file: borrowing Descriptor, _ count: Int, at offset: Int
  ) throws(ProcessorError) -> [UInt8] {
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
