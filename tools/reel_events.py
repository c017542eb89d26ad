"""Decodes what stands in columns: the events, kernel exits and the running digest of reels.

Written from the text of TRACE-FORMAT.md, as an example to port: whatever is wrong raises `Damage`.
"""

import struct
from collections import namedtuple
from itertools import accumulate

from reel_format import MASK64, MAX_ELEMENTS, Cursor, decompress, require, unzigzag

OUT, IN, MMIO_WRITE, MMIO_READ, RDMSR, SHUTDOWN = 1, 2, 3, 4, 6, 8
INPUT, INTERRUPT, DMA, MARK, RESYNC = 32, 33, 35, 64, 65
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
    INTERRUPT: ("interrupt", "address"),
    34: ("window-request", ""),
    DMA: ("dma", "address count value payload"),
    48: ("kick", "address"),
    MARK: ("keyframe", "address"),
    RESYNC: ("resync", "address"),
}

# Columns

PLANES, ZIGZAG_PLANES, BYTES, ZIGZAG_ROWS = range(4)
ALL, EXITS, DIGESTS, TIMESTAMPS = range(4)  # which events have an entry: a column's rows
Column = namedtuple("Column", "name encoding rows limit", defaults=[ALL, MASK64])
EVENT_COLUMNS = dict(enumerate((
    Column("kind", PLANES, limit=79),
    Column("flags", PLANES, limit=255),
    Column("vcpu", PLANES, limit=2**16 - 1),
    Column("stream", PLANES, limit=255),
    Column("width", PLANES, limit=255),
    Column("count", PLANES, limit=MAX_ELEMENTS),
    Column("address", PLANES),
    Column("value", PLANES),
    Column("rip", ZIGZAG_ROWS, EXITS),
    Column("check", PLANES, EXITS, 255),
    Column("digest", PLANES, DIGESTS),
    Column("gap", ZIGZAG_PLANES, EXITS),
    Column("slice", ZIGZAG_PLANES, EXITS),
    Column("length", PLANES, limit=2**26),
    Column("payload", BYTES),
    Column("timestamp", ZIGZAG_PLANES, TIMESTAMPS),
    Column("arithmetic_flags", PLANES, EXITS, 2**16 - 1),
    Column("device", PLANES, limit=2**16 - 1),
    Column("image", PLANES, limit=2**16 - 1),
    Column("waited", PLANES, limit=2**32 - 1)), start=1))
KERNEL_EXIT_COLUMNS = dict(enumerate((
    Column("isa", PLANES),
    Column("flags", PLANES),
    Column("vcpu", PLANES, limit=2**16 - 1),
    Column("anchor", PLANES),
    Column("reason", PLANES, limit=2**32 - 1),
    Column("rip", ZIGZAG_ROWS),
    Column("info1", PLANES),
    Column("info2", PLANES),
    Column("interrupt_information", PLANES),
    Column("error_code", PLANES),
    Column("address", PLANES),
    Column("gap", ZIGZAG_PLANES),
    Column("slice", ZIGZAG_PLANES),
    Column("access", PLANES, limit=255),
    Column("width", PLANES, limit=255),
    Column("count", PLANES, limit=2**32 - 1),
    Column("value", PLANES)), start=1))


def planes(data, count):
    """Numbers whose bytes of equal significance stand together; a plane that is left out is zeros."""
    cursor, values = Cursor(data), [0] * count
    present = cursor.fixed(1)
    for plane in range(8):
        if present >> plane & 1:
            values = [value | byte << 8 * plane for value, byte in zip(values, cursor.take(count))]
    cursor.finish()
    return values


def rows(data, count):
    """Numbers of `w` bytes each, one after the other, behind a byte `w`."""
    cursor = Cursor(data)
    width = cursor.fixed(1)
    require(1 <= width <= 8, f"rows of {width} bytes")
    values = [cursor.fixed(width) for _ in range(count)]
    cursor.finish()
    return values


def entries(encoding, data, count):
    """A column's entries, which must use up its bytes."""
    if encoding == BYTES:
        return data
    values = rows(data, count) if encoding == ZIGZAG_ROWS else planes(data, count)
    return values if encoding == PLANES else [unzigzag(value) for value in values]


def stored_columns(block, stored, known):
    """The bytes of the known columns by id, and how many others there are."""
    cursor, found, skipped = Cursor(stored), {}, 0
    directory = [struct.unpack("<HBBII", cursor.take(12)) for _ in range(cursor.fixed(2))]
    identifiers = [0] + [identifier for identifier, *_ in directory]
    require(all(a < b for a, b in zip(identifiers, identifiers[1:])), "its column ids do not ascend")
    require(block.raw_size == cursor.position + sum(column[3] for column in directory),
            "its raw size is not that of its columns")
    for identifier, encoding, flags, raw_length, stored_length in directory:
        require(stored_length <= raw_length, f"column {identifier} is stored in more bytes than it has")
        data = cursor.take(stored_length)
        if identifier not in known or encoding != known[identifier].encoding:
            require(not flags & 1, f"column {identifier} is required and not known")
            skipped += 1
        else:
            found[identifier] = decompress(data, raw_length) if stored_length < raw_length else data
    cursor.finish()
    return found, skipped


def columns(block, stored, known):
    """The known columns by name, zeros for those left out; `skipped` counts the others."""
    data, skipped = stored_columns(block, stored, known)
    require(1 in data or not block.count, "its first column is not there")
    found = {"skipped": skipped}
    for identifier, column in known.items():
        count = row_count(column.rows, found, block.count)
        if identifier in data:
            found[column.name] = entries(column.encoding, data[identifier], count)
        else:
            found[column.name] = b"" if column.encoding == BYTES else [0] * count
        require(max(found[column.name], default=0) <= column.limit, f"{column.name} is too large")
    return found


def row_count(rows, found, count):
    """How many entries a column has; the kinds and flags stand before the columns that need them."""
    if rows == EXITS:
        return sum(is_exit(kind) for kind in found["kind"])
    bit = {DIGESTS: 1, TIMESTAMPS: 4}.get(rows)
    return count if bit is None else sum(flags & bit != 0 for flags in found["flags"])


def sums(differences, start=0):
    """Running sums, modulo 2^64."""
    for difference in differences:
        start = (start + difference) & MASK64
        yield start


def times(block, column, unit):
    """The entry and exit times of a block's exits or kernel exits."""
    mixed = [unit * d for pair in zip(column["gap"], column["slice"]) for d in pair]
    moments = [block.first_time, *sums(mixed, block.first_time)]
    require(moments[-1] == block.last_time, "its last time is not that of its last event")
    return moments[1::2], moments[2::2]


Event = namedtuple("Event", "index kind vcpu stream width count address value payload rip check digest "
                            "flags timestamp arithmetic_flags device image waited entry exit")


def is_exit(kind):
    return 1 <= kind <= 31 or 48 <= kind <= 63


def is_guest_made(event):
    return 1 <= event.kind <= 31


def read_events(block, stored):
    """The events of a block."""
    column = columns(block, stored, EVENT_COLUMNS)
    require(0 not in column["kind"], "an event of kind 0")
    payload = Cursor(column["payload"])
    column["payload"] = [payload.take(length) for length in column["length"]]
    payload.finish()
    column["rip"], column["timestamp"] = sums(column["rip"]), sums(column["timestamp"])
    column["entry"], column["exit"] = times(block, column, 16)

    exits = [is_exit(kind) for kind in column["kind"]]
    for name in ("rip", "check", "arithmetic_flags"):
        column[name] = spread(column[name], exits, 0)
    column["digest"] = spread(column["digest"], [flags & 1 for flags in column["flags"]], None)
    column["timestamp"] = spread(column["timestamp"], [flags & 4 for flags in column["flags"]], 0)
    # What is no exit has the exit time of the exit before as both times.
    last = [block.first_time, *column["exit"]]
    passed = list(accumulate(exits))
    column["entry"] = [column["entry"][n - 1] if own else last[n] for own, n in zip(exits, passed)]
    column["exit"] = [last[n] for n in passed]
    column["index"] = range(block.first_event, block.first_event + block.count)
    return [Event(*fields) for fields in zip(*(column[name] for name in Event._fields))]


def spread(values, present, otherwise):
    """One entry for each event: the column's next where it has one, else `otherwise`."""
    left = iter(values)
    return [next(left) if has_one else otherwise for has_one in present]


# The running digest

DIGEST_START = 0x766D7265656C3039


def absorb(state, word):
    mixed = (state ^ word) * 0x9E3779B97F4A7C15 & MASK64
    mixed = (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93 & MASK64
    return mixed ^ mixed >> 29


def digest_after(event, state):
    """The state after an event; `None` where registers went in, which a reel does not hold."""
    if event.kind == RESYNC:
        return None  # a keyframe's of another reel
    if event.kind >= 48 or state is None:
        return state
    if is_guest_made(event) and event.kind != SHUTDOWN:
        return None
    words = [event.kind | event.width << 8 | event.vcpu << 16 | event.count << 32, event.address, event.value]
    if event.device or event.image:
        words.append(event.device | event.image << 16)
    if event.payload:
        data = event.payload
        words += [len(data)] + [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]
    for word in words + [event.timestamp] * (event.timestamp != 0):
        state = absorb(state, word)
    return state
