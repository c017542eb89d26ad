"""Decodes reels: the file, its blocks, its index; reel_events.py goes on, reel.py holds them to the rules.

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

MAJOR, CANDIDATE = 1, (0, 12)  # the versions read: 1.x, and its candidate, 1.0 but for the number
PAGES_STRIPPED, CONSOLE_STRIPPED = 1, 2  # the required feature bits of this version
MASK64 = 2**64 - 1
PAGE_SIZE = 4096

# The format's limits.
MAX_BLOCK_BYTES, MAX_BLOCK_EVENTS, MAX_ELEMENTS, MAX_WINDOW_BYTES = 2**26, 2**20, 2**24, 2**26
MAX_MAP_PAGES, MAX_MAP_CHAIN, MAX_STATE_ENTRIES = 2**26 // 17, 64, 2**16
MAX_COUNTERS, MAX_NAME_BYTES, MAX_INDEXED_BLOCKS = 2**12, 256, 2**20

METADATA, EVENTS, PAGES, KEYFRAME, END, KERNEL_EXITS, HOST_TOTALS, INDEX, FOOTER = range(1, 10)
BLOCK_NAMES = ["", "metadata", "events", "pages", "keyframe", "end", "kernel-exits", "host-totals",
               "index", "footer"]


class Damage(Exception):
    """Something that the format does not allow; `offset` is its block's place in the file."""

    def __init__(self, message, offset=0):
        super().__init__(message)
        self.offset = offset


class Partial(Damage):
    """The reel stops here, before its end; what stands before is good."""


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
        return unzigzag(self.varint())

    def bytes(self, limit=MAX_BLOCK_BYTES):
        count = self.varint()
        require(count <= limit, f"a field of {count} bytes, more than {limit}")
        return self.take(count)

    def finish(self):
        require(self.position == len(self.data), f"{len(self.data) - self.position} bytes are left over")


def unzigzag(value):
    return (value >> 1) ^ -(value & 1)


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
    frame, raw = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES).decompressobj(), bytearray()
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
    "Block", "offset type stored_size raw_size first_event count number first_time last_time checksum")


def block_name(block):
    return BLOCK_NAMES[block.type] if 0 < block.type < len(BLOCK_NAMES) else f"type-{block.type}"


class Reel:
    """A reel file: opening it checks the file header and finds the blocks, by the index or by walking."""

    def __init__(self, path, walk=False):
        self.file = open(path, "rb")
        self.size = os.fstat(self.file.fileno()).st_size
        header = self.file.read(64)
        require(header[:8] == b"\x89vmreel\n", "it does not begin as a reel does")
        require(len(header) == 64, "the file header is cut off")
        require(has_checksum(header[:56], header[56:]), "the file header's checksum does not match")
        major, minor, features, self.page_key = struct.unpack("<8xHH4xQ8x16s16x", header)
        require(major == MAJOR or (major, minor) == CANDIDATE,
                f"it has format {major}.{minor}, and this reader reads {MAJOR}.x; "
                + ("use a newer reader" if major > MAJOR else "use the vmreel that recorded it"))
        require(not features & ~(PAGES_STRIPPED | CONSOLE_STRIPPED), f"it requires features this reader lacks ({features:#x})")
        self.is_stripped = bool(features & PAGES_STRIPPED)
        self.has_console = not features & CONSOLE_STRIPPED
        self.blocks, self.stop, self.index_damage = [], None, None
        self.open(walk)

    def open(self, walk):
        """Finds the blocks: `stop` tells why they do not reach the reel's end, `index_damage` why the
        index was not used."""
        if not walk:
            try:
                self.blocks = self.indexed()
            except Damage as damage:
                self.index_damage = damage
        if not self.blocks:
            self.blocks, self.stop = self.walk()

    def indexed(self):
        """The blocks as the index lists them, itself and the footer last; none if there is no good footer."""
        try:
            footer = self.header(self.size - 64)
            require(footer.type == FOOTER, "no footer")
        except Damage:
            return []
        try:
            index = self.header(footer.first_event)
            require(index.type == INDEX, "no index is where the footer says")
            require(end_of(index) == footer.offset, "the index does not end where the footer begins")
            blocks = listed(self.raw(index)) + [index, footer]
            require(end_of(blocks[-3]) == index.offset, "the index's blocks do not end where it begins")
            return list(ordered(blocks))
        except Damage as damage:
            raise Damage(f"the index is damaged: {damage}", min(footer.first_event, footer.offset)) from None

    def walk(self):
        """The blocks as their headers stand one after the other, and why they end too early, or `None`."""
        blocks = []
        try:
            for block in ordered(self.headers()):
                blocks.append(block)
            if end_of(blocks[-1]) != self.size:
                raise Damage("bytes follow the reel's last block", end_of(blocks[-1]))
        except Damage as damage:
            return blocks, damage
        return blocks, None

    def headers(self):
        """The block headers from the first to the last one a reel has; `Partial` where the file ends before."""
        offset = 64
        while True:
            block = self.header(offset)
            if end_of(block) > self.size:
                raise Partial(f"the reel is partial: its {block_name(block)} block is cut off here", offset)
            yield block
            offset = end_of(block)
            if is_last(block):
                return

    def header(self, offset):
        """The block header at an offset, held to all that can be said of it alone."""
        if not 64 <= offset <= self.size - 64:
            raise Partial("the reel is partial: it stops here, before its last block", min(offset, self.size))
        self.file.seek(offset)
        data = self.file.read(64)
        try:
            require(data[:4] == b"vmrb", "no block begins here")
            require(has_checksum(data[:56], data[56:]), "its checksum does not match")
            return limited(Block(offset, *struct.unpack("<4xH2xIIQIIQQQ8x", data)))
        except Damage as damage:
            raise Damage(f"block header: {damage}", offset) from None

    def stored(self, block):
        """The block's stored bytes, their checksum compared."""
        self.file.seek(block.offset + 64)
        stored = self.file.read(block.stored_size)
        require(zlib.crc32(stored) == block.checksum, "its checksum does not match")
        return stored

    def raw(self, block):
        """The contents of a block that is one frame: all but events, kernel exits and the footer."""
        return decompress(self.stored(block), block.raw_size)


def end_of(block):
    return block.offset + 64 + block.stored_size


def is_last(block):
    return block.type == FOOTER or block.type == END and block.number == 0


def limited(block):
    """The block, if its header keeps the limits."""
    require(max(block.stored_size, block.raw_size) <= MAX_BLOCK_BYTES, "a block of more than 64 MiB")
    if block.type in (EVENTS, KERNEL_EXITS, PAGES):
        require(block.count <= min(MAX_BLOCK_EVENTS, block.raw_size), f"{block.count} events in a block")
        require(block.first_event + block.count <= MASK64, "event numbers of more than 64 bits")
    if block.type == FOOTER:
        require(block.stored_size == block.raw_size == block.checksum == 0, "a footer with contents")
    return block


def ordered(blocks):
    """The blocks, while each may follow the one before and those of its type."""
    last, last_of = None, {}
    for block in blocks:
        expected = {None: METADATA, END: INDEX, INDEX: FOOTER}.get(last and last.type)
        try:
            require(block.type == expected or not expected and block.type not in (METADATA, INDEX, FOOTER),
                    f"a {block_name(block)} block has no place here")
            continues(block, last_of.get(block.type))
        except Damage as damage:
            raise Damage(f"block header: {damage}", block.offset) from None
        last = last_of[block.type] = block
        yield block


def continues(block, before):
    """Holds a block to the order within its type."""
    if block.type == PAGES or block.type == EVENTS and before:
        expected = before.first_event + before.count if before else 0
        require(block.first_event == expected,
                f"it begins with {block_name(block)[:-1]} {block.first_event}, not {expected}")
    if block.type in (KEYFRAME, KERNEL_EXITS) and before:
        require(block.first_event >= before.first_event, f"it goes back to event {block.first_event}")
        require(block.type == KERNEL_EXITS or block.number > before.number,
                f"keyframe {block.number} follows keyframe {before.number}")


def listed(raw):
    """The blocks an index lists, which lie one after the other."""
    cursor, offset, blocks = Cursor(raw), 64, []
    count = cursor.varint()
    require(2 <= count <= MAX_INDEXED_BLOCKS, f"a list of {count} blocks")
    for _ in range(count):
        fields = [cursor.varint() for _ in range(8)] + [cursor.fixed(4)]
        require(fields[0] < 2**16 and max(fields[4], fields[5]) < 2**32, "a field larger than a header has")
        blocks.append(limited(Block(offset, *fields)))
        require(not is_last(blocks[-1]), "its end says that no index follows")
        offset = end_of(blocks[-1])
    require(blocks[-1].type == END, "its last block is no end")
    return blocks
