"""Decodes reels: the file, its blocks and columns, the running digest; reel.py holds them to the rules.

Written from the text of TRACE-FORMAT.md, as an example to port: whatever is wrong raises `Damage`.
"""

import os
import struct
import sys
import zlib
from collections import namedtuple

try:
    import zstandard
except ImportError:
    print("reel.py: needs the Python module zstandard (Debian: python3-zstandard)", file=sys.stderr)
    sys.exit(2)

VERSION = (0, 10)
PAGES_STRIPPED = 1  # required feature bit 0, the only one of this version
MASK64 = 2**64 - 1
PAGE_SIZE = 4096

# The format's limits.
MAX_BLOCK_BYTES, MAX_BLOCK_EVENTS, MAX_ELEMENTS = 2**26, 2**20, 2**24
MAX_MAP_PAGES, MAX_MAP_CHAIN, MAX_STATE_ENTRIES = 2**26 // 17, 64, 2**16
MAX_COUNTERS, MAX_NAME_BYTES = 2**12, 256

METADATA, EVENTS, PAGES, KEYFRAME, END, KERNEL_EXITS, HOST_TOTALS = range(1, 8)
BLOCK_NAMES = ["", "metadata", "events", "pages", "keyframe", "end", "kernel-exits", "host-totals"]

OUT, IN, MMIO_WRITE, MMIO_READ, RDMSR, SHUTDOWN, INPUT, MARK = 1, 2, 3, 4, 6, 8, 32, 64
# Event kinds: their names, and which of the fields that not every kind has are theirs.
KINDS = {
    OUT: ("out", "address width count value payload stream"),
    IN: ("in", "address width count"),
    MMIO_WRITE: ("mmio-write", "address width value stream"),
    MMIO_READ: ("mmio-read", "address width"),
    5: ("wrmsr", "address value"),
    RDMSR: ("rdmsr", "address"),
    7: ("hlt", ""),
    SHUTDOWN: ("shutdown", ""),
    9: ("irq-window", ""),
    10: ("system-event", "address"),
    11: ("failure", "address value"),
    INPUT: ("input", "width count value payload"),
    33: ("interrupt", "address"),
    34: ("window-request", ""),
    48: ("kick", "address"),
    MARK: ("keyframe", "address"),
}


class Damage(Exception):
    """Something that the format does not allow; `offset` is its block's place in the file."""

    def __init__(self, message, offset=0):
        super().__init__(message)
        self.offset = offset


def require(condition, message):
    if not condition:
        raise Damage(message)


# Bytes


class Cursor:
    """Reads fields one after the other, never past the end."""

    def __init__(self, data):
        self.data, self.position = data, 0

    def take(self, count):
        start, self.position = self.position, self.position + count
        require(self.position <= len(self.data), f"it ends inside a field of {count} bytes")
        return self.data[start:self.position]

    def fixed(self, size):
        return int.from_bytes(self.take(size), "little")

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.fixed(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        require(byte < 0x80 and value <= MASK64, "a varint of more than 64 bits")
        return value

    def zigzag(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def bytes(self, limit=MAX_BLOCK_BYTES):
        count = self.varint()
        require(count <= limit, f"a field of {count} bytes, more than {limit}")
        return self.take(count)

    def finish(self):
        require(self.position == len(self.data), f"{len(self.data) - self.position} bytes are left over")


def has_checksum(data, stored):
    return zlib.crc32(data) == int.from_bytes(stored, "little")


def poly1305(key, message):
    """The tag of RFC 8439, section 2.5, under a one-time key of 32 bytes."""
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    tag = 0
    for start in range(0, len(message), 16):
        tag = (tag + int.from_bytes(message[start:start + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((tag + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def decompress(stored, raw_size):
    """The contents of exactly one zstd frame, exactly `raw_size` bytes."""
    require(stored[:4] == b"\x28\xb5\x2f\xfd", "its stored bytes are no zstd frame")
    frame, raw = zstandard.ZstdDecompressor().decompressobj(), bytearray()
    # In small portions, to notice a bomb before it has grown: 512 bytes become 16 MiB at most.
    for start in range(0, len(stored), 512):
        require(not frame.eof, "bytes follow its zstd frame")
        try:
            raw += frame.decompress(stored[start:start + 512])
        except zstandard.ZstdError as error:
            raise Damage(f"its zstd frame is damaged ({error})") from None
        require(len(raw) <= raw_size, f"it decompresses to more than its {raw_size} raw bytes")
    require(frame.eof and not frame.unused_data, "its zstd frame does not end where its stored bytes do")
    require(len(raw) == raw_size, f"it decompresses to {len(raw)} bytes, not its {raw_size} raw bytes")
    return bytes(raw)


# The file

Block = namedtuple(
    "Block", "offset type stored_size raw_size first_event count first_time last_time checksum")


def block_name(block):
    return BLOCK_NAMES[block.type] if 0 < block.type < len(BLOCK_NAMES) else f"type-{block.type}"


class Reel:
    """A reel file; opening it checks the file header."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.size = os.fstat(self.file.fileno()).st_size
        header = self.file.read(64)
        require(header[:8] == b"\x89vmreel\n", "it does not begin as a reel does")
        require(len(header) == 64, "the file header is cut off")
        require(has_checksum(header[:56], header[56:]), "the file header's checksum does not match")
        major, minor, features, self.page_key = struct.unpack("<8xHH4xQ8x16s16x", header)
        require((major, minor) == VERSION, f"it has format {major}.{minor}, not {VERSION[0]}.{VERSION[1]}")
        require(not features & ~PAGES_STRIPPED, f"it requires features this reader lacks ({features:#x})")
        self.is_stripped = bool(features & PAGES_STRIPPED)

    def blocks(self):
        """All blocks; raises `Damage` when there is no telling where the next one begins."""
        offset, last, next_event = 64, None, None
        while offset + 64 <= self.size:
            self.file.seek(offset)
            try:
                block = self.block(offset, self.file.read(64))
                require((last is None) == (block.type == METADATA),
                        "metadata are the first block, and no other")
                require(last is None or last.type != END, "it follows the end block")
                if block.type == EVENTS:
                    require(next_event in (None, block.first_event),
                            f"it begins with event {block.first_event}, not {next_event}")
                    next_event = block.first_event + block.count
            except Damage as damage:
                raise Damage(f"block header: {damage}", offset) from None
            if offset + 64 + block.stored_size > self.size:
                break
            last = block
            yield block
            offset += 64 + block.stored_size
        if last is None or last.type != END:
            raise Damage("the reel is partial: it stops here, without its end block", offset)
        if offset != self.size:
            raise Damage("bytes follow the end block", offset)

    @staticmethod
    def block(offset, header):
        require(header[:4] == b"vmrb", "no block begins here")
        require(has_checksum(header[:56], header[56:]), "its checksum does not match")
        block = Block(offset, *struct.unpack("<4xH2xIIQI4xQQQ8x", header))
        require(max(block.stored_size, block.raw_size) <= MAX_BLOCK_BYTES, "a block of more than 64 MiB")
        if block.type in (EVENTS, KERNEL_EXITS):
            require(block.count <= min(MAX_BLOCK_EVENTS, block.raw_size), f"{block.count} events in a block")
            require(block.first_event + block.count <= MASK64, "event numbers of more than 64 bits")
        return block

    def raw(self, block):
        """The block's contents, its checksum compared."""
        self.file.seek(block.offset + 64)
        stored = self.file.read(block.stored_size)
        require(zlib.crc32(stored) == block.checksum, "its checksum does not match")
        return decompress(stored, block.raw_size)


# Columns

U8, VARINT, ZIGZAG, U16, U64, BYTES = range(6)
FIXED = {U8: "B", U16: "H", U64: "Q"}
EVENT_COLUMNS = dict(enumerate((
    ("kind", U8), ("flags", U8), ("vcpu", VARINT), ("stream", U8), ("width", U8), ("count", VARINT),
    ("address", VARINT), ("value", VARINT), ("rip", ZIGZAG), ("check", U16), ("digest", U64),
    ("gap", ZIGZAG), ("slice", ZIGZAG), ("length", VARINT), ("payload", BYTES), ("timestamp", ZIGZAG),
    ("arithmetic_flags", VARINT)), start=1))
KERNEL_EXIT_COLUMNS = dict(enumerate((
    ("isa", U8), ("flags", U8), ("vcpu", VARINT), ("anchor", VARINT), ("reason", VARINT), ("rip", ZIGZAG),
    ("info1", VARINT), ("info2", VARINT), ("interrupt_information", VARINT), ("error_code", VARINT),
    ("address", VARINT), ("gap", ZIGZAG), ("slice", ZIGZAG)), start=1))


def entries(encoding, data, count):
    """A column's entries, which must use up its bytes."""
    if encoding in FIXED:
        layout = f"<{count}{FIXED[encoding]}"
        require(struct.calcsize(layout) == len(data), f"{len(data)} bytes in a column of {count} entries")
        return struct.unpack(layout, data)
    cursor = Cursor(data)
    values = [cursor.varint() if encoding == VARINT else cursor.zigzag() for _ in range(count)]
    cursor.finish()
    return values


def columns(raw, known, count):
    """The known columns by name, zeros for those left out; `skipped` counts the others."""
    cursor, found = Cursor(raw), {"skipped": 0}
    directory = [struct.unpack("<HBBI", cursor.take(8)) for _ in range(cursor.fixed(2))]
    identifiers = [0] + [identifier for identifier, *_ in directory]
    require(all(a < b for a, b in zip(identifiers, identifiers[1:])), "its column ids do not ascend")
    for identifier, encoding, flags, size in directory:
        data = cursor.take(size)
        name, expected = known.get(identifier, (None, None))
        if encoding != expected:
            require(not flags & 1, f"column {identifier} is required and not known")
            found["skipped"] += 1
        elif encoding == BYTES:
            found[name] = data
        else:
            # A digest is there for each event that announces one; the flags come before it.
            announced = sum(flag & 1 for flag in found.get("flags", ())) if name == "digest" else count
            found[name] = entries(encoding, data, announced)
    cursor.finish()
    for name, encoding in known.values():
        found.setdefault(name, b"" if encoding == BYTES else (0,) * count)
    return found


def sums(differences, start=0):
    """Running sums, modulo 2^64."""
    for difference in differences:
        start = (start + difference) & MASK64
        yield start


def times(block, column):
    """The entry and exit times of a block's events or kernel exits."""
    mixed = [d for pair in zip(column["gap"], column["slice"]) for d in pair]
    moments = list(sums(mixed, block.first_time))
    require(not moments or moments[-1] == block.last_time, "its last time is not that of its last event")
    return moments[::2], moments[1::2]


Event = namedtuple("Event", "index kind vcpu stream width count address value payload rip check digest "
                            "flags timestamp arithmetic_flags entry exit")


def read_events(block, raw):
    """The events of a block."""
    column = columns(raw, EVENT_COLUMNS, block.count)
    require(0 not in column["kind"], "an event of kind 0")
    payload, digests = Cursor(column["payload"]), iter(column["digest"])
    column["payload"] = [payload.take(length) for length in column["length"]]
    payload.finish()
    column["digest"] = [next(digests, 0) if flags & 1 else None for flags in column["flags"]]
    column["rip"], column["timestamp"] = sums(column["rip"]), sums(column["timestamp"])
    column["entry"], column["exit"] = times(block, column)
    column["index"] = range(block.first_event, block.first_event + block.count)
    return [Event(*fields) for fields in zip(*(column[name] for name in Event._fields))]


def is_guest_made(event):
    return 1 <= event.kind <= 31


# The running digest

DIGEST_START = 0x766D7265656C3039


def absorb(state, word):
    mixed = (state ^ word) * 0x9E3779B97F4A7C15 & MASK64
    mixed = (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93 & MASK64
    return mixed ^ mixed >> 29


def digest_after(event, state):
    """The state after an event; `None` where registers went in, which a reel does not hold."""
    if event.kind >= 48 or state is None:
        return state
    if is_guest_made(event) and event.kind != SHUTDOWN:
        return None
    words = [event.kind | event.width << 8 | event.vcpu << 16 | event.count << 32, event.address, event.value]
    if event.count > 1:
        data = event.payload
        words += [len(data)] + [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]
    for word in words + [event.timestamp] * (event.timestamp != 0):
        state = absorb(state, word)
    return state
