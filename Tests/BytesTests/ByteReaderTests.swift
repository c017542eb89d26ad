import Bytes
import Testing

@Suite("Little-endian fields and varints")
struct ByteReaderTests {
  @Test(
    "What the writer appends the reader returns", arguments: [0, 1, 127, 128, 1 << 32, UInt64.max])
  func roundTrip(value: UInt64) throws {
    var writer = ByteWriter()
    writer.append(value)
    writer.append(UInt16(0xbeef))
    writer.append(varint: value)
    writer.append(lengthPrefixed: [1, 2, 3])
    var reader = ByteReader(writer.bytes)
    #expect(try reader.read(UInt64.self) == value)
    #expect(try reader.read(UInt16.self) == 0xbeef)
    #expect(try reader.readVarint() == value)
    #expect(try reader.readLengthPrefixed(limit: 3) == [1, 2, 3])
    #expect(reader.isAtEnd)
  }

  @Test("Every truncation throws and names the offset")
  func truncation() {
    var reader = ByteReader([1, 2, 3])
    #expect(throws: ByteReaderError.truncated(offset: 0, wanted: 4, available: 3)) {
      _ = try reader.read(UInt32.self)
    }
    var varint = ByteReader([0x80])
    #expect(throws: ByteReaderError.truncated(offset: 1, wanted: 1, available: 0)) {
      _ = try varint.readVarint()
    }
  }

  @Test("A varint of more than 64 bits is refused")
  func varintOverflow() {
    var tooLong = ByteReader([UInt8](repeating: 0xff, count: 11))
    #expect(throws: ByteReaderError.malformedVarint(offset: 0)) { _ = try tooLong.readVarint() }
    var tooBig = ByteReader([UInt8](repeating: 0xff, count: 9) + [2])
    #expect(throws: ByteReaderError.malformedVarint(offset: 0)) { _ = try tooBig.readVarint() }
  }

  @Test("A length beyond its limit is refused before anything is allocated")
  func lengthLimit() {
    var writer = ByteWriter()
    writer.append(varint: 1 << 40)
    var reader = ByteReader(writer.bytes)
    #expect(throws: ByteReaderError.outOfBounds(offset: 0, value: 1 << 40, limit: 16)) {
      _ = try reader.readLengthPrefixed(limit: 16)
    }
  }

  @Test("ZigZag is its own inverse and small for small differences")
  func zigZag() {
    for value in [0, -1, 1, -2, .max, .min] as [Int64] {
      #expect(ZigZag.decode(ZigZag.encode(value)) == value)
    }
    #expect(ZigZag.encode(-1) == 1)
  }

  @Test("SHA-256 and Poly1305 agree with the published vectors")
  func hashes() {
    // FIPS 180-4 "abc".
    #expect(SHA256.hash(Array("abc".utf8)).prefix(4) == [0xba, 0x78, 0x16, 0xbf])
    // RFC 8439 section 2.5.2: the tag less *s*, which is zero here.
    let key: [UInt8] = [
      0x85, 0xd6, 0xbe, 0x78, 0x57, 0x55, 0x6d, 0x33, 0x7f, 0x44, 0x52, 0xfe, 0x42, 0xd5, 0x06,
      0xa8,
    ]
    let hash = Poly1305(key: key)
    let message = Array("Cryptographic Forum Research Group".utf8)
    for _ in 0..<2 {
      let code = unsafe message.withUnsafeBytes { unsafe hash.hash($0) }
      #expect(code.low == 0xc884_4335_369d_03a7 && code.high == 0x8d31_b7ca_ff94_6c77)
    }
  }

  @Test("A running digest keeps a difference and continues from a stored value")
  func runningDigest() {
    var left = RunningDigest.initial
    var right = RunningDigest.initial
    left.absorb(1)
    right.absorb(2)
    for word in 0..<1000 as Range<UInt64> {
      left.absorb(word)
      right.absorb(word)
      #expect(left != right)
    }
    var resumed = RunningDigest(value: left.value)
    left.absorb(bytes: [1, 2, 3])
    resumed.absorb(bytes: [1, 2, 3])
    #expect(left == resumed)
  }
}
