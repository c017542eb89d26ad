#!/usr/bin/env python3
"""Reads reels without vmreel: written from the text of TRACE-FORMAT.md, an example to port.

  reel.py check FILE...          every checksum, structure, rule and total
  reel.py events FILE [--times]  the events as CSV: what `vmreel dump --format csv` has, and more
  reel.py blocks FILE            the block headers, one a line

Blocks are found by the index where there is one; --walk goes from header to header instead. `check` does both.

Example: tools/reel.py check traces/hello.reel
Exit status: 0 fine; 2 trouble, or a reel that is damaged or partial, with a sentence for each finding.
"""

import argparse
import json
import os
import sys
from collections import namedtuple

from reel_events import (
    DIGEST_START, DMA, IN, INPUT, INTERRUPT, KERNEL_EXIT_COLUMNS, KINDS, MARK, MMIO_READ, MMIO_WRITE, OUT, RDMSR,
    RESYNC, Event, columns, digest_after, is_guest_made, read_events, sums, times)
from reel_format import (
    END, EVENTS, FOOTER, HOST_TOTALS, INDEX, KERNEL_EXITS, KEYFRAME, MASK64, MAX_COUNTERS,
    MAX_MAP_CHAIN, MAX_MAP_PAGES, MAX_NAME_BYTES, MAX_STATE_ENTRIES, METADATA, PAGE_SIZE, PAGES, Block, Cursor,
    Damage, Partial, Reel, block_name, decompress, poly1305, require)

ZERO_PAGE = bytes(16)
# Metadata that are always there.
METADATA_KEYS = {"tool": str, "commandLine": list, "guest": dict, "memoryMiB": int, "board": dict, "cpu": dict,
                 "host": dict, "policies": dict, "eventKinds": dict}
Marked = namedtuple("Marked", "event guest_made digest low")  # at a keyframe; digests that are not known: None


class Checker:
    """Holds a reel's blocks against the rules. After a damaged block it leaves out what needs that block."""

    def __init__(self, reel):
        self.reel, self.findings = reel, {}  # offset: what is wrong there
        self.is_lost = False  # a block could not be read
        self.policies, self.devices, self.images = {}, [0], 0
        self.events = self.guest_made = self.kernel_exits = self.skipped = self.next_event = 0
        self.last, self.state, self.low = None, DIGEST_START, DIGEST_START & 0xFF  # the event before, the digest
        is_trimmed = next((block.first_event for block in reel.blocks if block.type == EVENTS), 0) > 0
        self.end_of = dict.fromkeys((EVENTS, KERNEL_EXITS), None if is_trimmed else 0)  # the last block's time
        self.anchor, self.observed = 0, 0  # of kernel exits; one more than the last event host totals name
        self.recorded, self.end, self.is_recovered = None, None, False
        self.identities, self.pages, self.map, self.chain = {}, set(), {}, 0
        self.keyframes, self.marks = {}, {}

    def run(self):
        """Checks the file's two ways of finding blocks, then each block, then what they add up to."""
        blocks = self.both_ways()
        for block in blocks:
            try:
                self.block(block)
            except Damage as damage:
                self.find(block.offset, f"{block_name(block)}: {damage}")
                self.last = self.state = self.low = None
                self.is_lost = True
            if block.type in self.end_of:
                self.end_of[block.type] = block.last_time
        if not self.is_lost:
            try:
                self.totals()
            except Damage as damage:
                self.find(next((b.offset for b in blocks if b.type == END), 64), f"totals: {damage}")

    def find(self, offset, message):
        """Notes what is wrong, once for each place."""
        if offset not in self.findings:
            self.findings[offset] = message

    def both_ways(self):
        """Holds the index to the headers it lists; the blocks to read: by headers if they lead to the end."""
        reel = self.reel
        self.is_lost = bool(reel.stop) and not isinstance(reel.stop, Partial)
        walked, stop = (reel.blocks, reel.stop) if reel.stop else reel.walk()
        if stop:
            self.find(stop.offset, str(stop))
        try:
            listed = reel.indexed()
        except Damage as damage:
            self.find(damage.offset, str(damage))
            listed = []
        if listed and not stop and listed != walked:
            self.find(listed[-2].offset, "the index does not list the blocks that are there")
        return reel.blocks if stop else walked

    def block(self, block):
        stored = self.reel.stored(block)
        in_columns = {EVENTS: self.event_block, KERNEL_EXITS: self.kernel_exit_block}
        in_frames = {METADATA: self.metadata, PAGES: self.page_block, KEYFRAME: self.keyframe,
                     END: self.end_record, HOST_TOTALS: self.host_totals}
        if block.type in in_columns:
            in_columns[block.type](block, stored)
        elif block.type in in_frames:
            in_frames[block.type](block, decompress(stored, block.raw_size))
        else:
            self.skipped += block.type not in (INDEX, FOOTER)  # those two have been read

    def first_time(self, block):
        """Times go on from block to block, and a trimmed reel's first from what is not there."""
        expected = self.end_of[block.type]
        require(block.first_time == expected or expected is None, f"its first time is {block.first_time}, not {expected}")

    def expect(self, condition, message):
        """A rule that cannot be expected to hold once something is lost."""
        require(condition or self.is_lost, message)

    def metadata(self, _, raw):
        try:
            metadata = json.loads(raw.decode())
        except (ValueError, RecursionError) as error:
            raise Damage(f"it is no JSON: {error}") from None
        require(isinstance(metadata, dict), "it is no JSON object")
        for key, kind in METADATA_KEYS.items():
            require(isinstance(metadata.get(key), kind), f"it has no {key}, or one of another type")
        devices, images = metadata.get("devices", []), metadata.get("images", [])
        require(isinstance(devices, list) and isinstance(images, list), "devices or images are no array")
        require(all(isinstance(device, dict) for device in devices), "a device is no object")
        self.policies, self.images = metadata["policies"], len(images)
        self.devices += [device.get("number") for device in devices]

    def event_block(self, block, stored):
        self.first_time(block)
        for event in read_events(block, stored):
            try:
                self.event(event)
            except Damage as damage:
                raise Damage(f"event {event.index}: {damage}") from None
            self.last = event
        self.next_event = block.first_event + block.count

    def event(self, event):
        name, fields = KINDS.get(event.kind, (None, None))
        for field in () if fields is None else "address width count value payload stream".split():
            require(field in fields.split() or not getattr(event, field), f"{name} has a {field}")
        self.data(event)
        self.answer(event)
        require(not event.arithmetic_flags & ~0x8D5, "more than arithmetic flags")
        require(is_guest_made(event) or not (event.flags & 2 or event.check or event.arithmetic_flags),
                "it has what only guest-made exits have")
        require(not event.waited or event.kind == INTERRUPT, "it waits, and is no interrupt")
        require(event.entry % 16 == event.exit % 16 == 0, "its times are no multiples of 16 ns")
        if not self.last and event.index:
            self.state = self.low = None  # nothing is known of the event before
        self.digest(event)
        if event.kind == MARK:
            require(event.address not in self.marks, f"keyframe {event.address} is marked twice")
            self.marks[event.address] = Marked(event.index, self.guest_made, self.state, self.low)
        self.events += 1

    def data(self, event):
        """The elements, payload, device and image of an event."""
        require(event.kind == DMA or event.count != 1, "a count of 1")
        if event.kind in (OUT, MMIO_WRITE, INPUT):
            require(len(event.payload) == event.count * event.width, "its payload is not its elements")
            require(event.value < (1 if event.count else 256**event.width), "its value is too large")
        if event.kind in (OUT, IN, MMIO_READ, MMIO_WRITE):
            widths = (1, 2, 4) if event.kind in (OUT, IN) else range(1, 9)
            require(event.width in widths, f"a width of {event.width}")
        if event.kind == DMA:
            require(len(event.payload) == (0 if event.image else event.count), "its payload is not its data")
            require(event.image or not event.value, "an offset in no image")
        require(32 <= event.kind < 48 or not event.device, "a device, and no input")
        require(event.kind == DMA or not event.image, "an image, and no dma")
        self.expect(event.device in self.devices and event.image <= self.images,
                    "a device or an image that the metadata do not list")

    def answer(self, event):
        """A read and its answer stand together; under `patch` an answer may be a timestamp."""
        read, is_timestamp, policy = self.last, False, self.policies.get("tsc")
        # A kind that is not known may be a read too.
        if read and (read.kind in (IN, MMIO_READ, RDMSR) or event.kind == INPUT and read.kind in KINDS):
            require(read.kind in (IN, MMIO_READ, RDMSR) and event.kind == INPUT, "no answer follows its read")
            is_timestamp = (read.kind, read.address, read.width, read.count) == (IN, 0xE4, 4, 0)
            widths = (8,) if read.kind == RDMSR else (read.width, 8) if is_timestamp else (read.width,)
            require(event.width in widths and event.count == read.count, "it is not as large as the read")
            is_timestamp = is_timestamp and event.width == 8
            require(not (is_timestamp and event.value), "it answers with a timestamp and a value")
        self.expect(policy == "freeze" or policy == "patch" and is_timestamp or not event.timestamp,
                    f"a timestamp under the policy {policy}")

    def digest(self, event):
        """Follows the running digest as far as a reel without registers allows it."""
        self.guest_made += is_guest_made(event)
        if not self.reel.has_console:
            require(not event.check and event.digest is None, "a digest in a reel without console text")
            return
        self.state = digest_after(event, self.state)
        if event.digest is not None:
            require(self.state in (None, event.digest), "its digest is not what its fields make")
            self.state = event.digest
        keyframe = self.keyframes.get(event.address) if event.kind == MARK else None
        if keyframe and self.state is None:
            self.state = keyframe.digest
        if event.kind < 48 or event.kind == RESYNC:
            self.low = event.check if is_guest_made(event) else None
        if self.state is not None:
            require(self.low in (None, self.state & 0xFF), "its check is not its digest's")
            self.low = self.state & 0xFF
        if is_guest_made(event) and self.events == event.index:  # not of a trimmed reel
            require(event.digest is not None or self.guest_made % 64 and self.policies.get("check") != "full",
                    "it has no digest, and is a 64th guest-made exit or each has one")

    def kernel_exit_block(self, block, stored):
        self.first_time(block)
        column = columns(block, stored, KERNEL_EXIT_COLUMNS)
        times(block, column, 1)
        require(set(column["isa"]) <= {1, 2}, "an unknown instruction set")
        for flags, address, duration in zip(column["flags"], column["address"], column["slice"]):
            require(flags & 8 or not address, "an address that is not known")
            require(flags & 16 or not duration, "a duration where the entry is not known")
        for access, width, elements, value, flags in zip(*(column[name] for name in (
                "access", "width", "count", "value", "flags"))):
            require(access & 127 <= 3 and access != 128, f"an access of kind {access & 127}")
            require(flags & 8 if access else not (width or elements or value), "half an access")
        for position, anchor in enumerate(sums(column["anchor"], block.first_event)):
            require(position or anchor == block.first_event, "its first event is not its first anchor")
            require(anchor >= self.anchor, f"anchor {anchor} after {self.anchor}")
            self.anchor = anchor
        self.kernel_exits += block.count

    def page_block(self, block, raw):
        require(not self.reel.is_stripped, "pages in a stripped reel")
        cursor = Cursor(raw)
        count = cursor.fixed(4)
        require(len(raw) == 4 + count * (16 + PAGE_SIZE), f"{len(raw)} bytes for {count} pages")
        require(block.count == count, f"its header counts {block.count} pages, not {count}")
        for ordinal, identity in enumerate([cursor.take(16) for _ in range(count)], start=block.first_event):
            page = cursor.take(PAGE_SIZE)
            require(any(page), "the page of zeros is stored")
            require(poly1305(self.reel.page_key + bytes(16), page) == identity,
                    f"page {identity.hex()} has other contents")
            require(identity not in self.pages, f"page {identity.hex()} is stored twice")
            self.pages.add(identity)
            self.identities[ordinal] = identity

    def keyframe(self, block, raw):
        cursor = Cursor(raw)
        number, kind, parent, flags = cursor.varint(), cursor.fixed(1), cursor.varint() - 1, cursor.fixed(1)
        event, guest_made, digest, _ = cursor.varint(), cursor.varint(), cursor.fixed(8), cursor.varint()
        require((number, event) == (block.number, block.first_event), "its header has another number or event")
        before, is_full = max(self.keyframes, default=-1), bool(flags & 1)
        require(kind <= 3, f"a kind of {kind}")
        self.expect(parent == -1 if is_full else parent == before >= 0, f"its parent is {parent}")
        self.chain = 1 if is_full else self.chain + 1
        self.expect(self.chain <= MAX_MAP_CHAIN, f"{self.chain} keyframes without a full map")
        self.page_map(cursor, {} if is_full else self.map)
        for entries in ("vCPU", "board"):
            count = cursor.varint()
            require(count <= MAX_STATE_ENTRIES, f"{count} {entries} entries")
            for _ in range(count):
                owner = cursor.varint()
                require(owner == 0 or entries == "vCPU", "a board entry of a vCPU")
                require(max(owner, cursor.varint(), cursor.varint()) < 2**16, "a state entry's number is too large")
                cursor.bytes()
        cursor.finish()
        self.keyframes[number] = Marked(event, guest_made, digest, digest & 0xFF)

    def page_map(self, cursor, page_map):
        count, page, ordinal = cursor.varint(), 0, 0
        require(count <= (0 if self.reel.is_stripped else MAX_MAP_PAGES), f"a map of {count} pages")
        for position in range(count):
            step, identity = cursor.varint(), cursor.take(16)
            page += step
            require((step or not position) and page < 2**32, "its page numbers do not ascend below 2^32")
            self.expect(page_map.get(page, ZERO_PAGE) != identity, f"page {page} is listed, but did not change")
            if identity != ZERO_PAGE:
                ordinal = (ordinal + cursor.zigzag()) & MASK64
                self.expect(self.identities.get(ordinal) == identity,
                            f"page {page} is not stored before it as number {ordinal}")
            page_map[page] = identity
        self.map = page_map

    def host_totals(self, _, raw):
        cursor = Cursor(raw)
        moment, event, _, count = cursor.fixed(1), cursor.varint(), cursor.varint(), cursor.varint()
        require(moment <= 2 and count <= MAX_COUNTERS, f"moment {moment}, {count} counters")
        counters = {cursor.bytes(MAX_NAME_BYTES): cursor.varint() for _ in range(count)}
        self.observed = max(self.observed, event)
        self.recorded = counters.get(b"tracer.recorded") if moment == 2 else None

    def end_record(self, _, raw):
        cursor = Cursor(raw)
        reason, _ = cursor.fixed(1), cursor.varint()
        *self.end, _, _ = [cursor.varint() for _ in range(5)]
        digest = cursor.fixed(8)
        # Where the recording went on (recovered, trimmed) it is the last whole one.
        self.is_recovered = reason == 13
        require(not self.reel.has_console or reason in (13, 14) or self.state in (None, digest) and self.low in (None, digest & 0xFF),
                "its digest is not that after the last event")

    def totals(self):
        found = [self.events, self.guest_made, len(self.keyframes)]
        totals = "events, guest-made exits, keyframes"
        require(self.end in (None, found), f"the end says {self.end} {totals}, found are {found}")
        # A trimmed reel's first keyframe tells how many guest-made exits were before it.
        first = min(self.keyframes, default=None) if self.events < self.next_event else None
        base = self.keyframes[first].guest_made - self.marks[first].guest_made if first in self.marks else 0
        for number, keyframe in self.keyframes.items():
            mark = self.marks.pop(number, None)
            if mark is None and self.end is None and keyframe.event >= self.next_event:
                continue  # cut off
            require(mark, f"no event marks keyframe {number}")
            require((mark.event, mark.guest_made + base) == keyframe[:2], f"keyframe {number} is not at its mark")
            require(not self.reel.has_console
                    or mark.digest in (None, keyframe.digest) and mark.low in (None, keyframe.low),
                    f"keyframe {number} has not the digest of its mark")
        require(not self.marks, f"keyframes that are marked are not there: {list(self.marks)}")
        if self.end and not self.is_recovered:  # what a recovered reel's recording went on to do is lost
            self.observations()

    def observations(self):
        require(self.anchor < max(self.next_event, 1), "a kernel exit after the last event")
        require(self.observed <= self.next_event, "host totals after the last event")
        # Totals count from the recording's start, which a trimmed reel may not hold.
        require(self.events < self.next_event or self.recorded in (None, self.kernel_exits),
                f"there are {self.kernel_exits} kernel exits, not the {self.recorded} of the host totals")


# Commands


def check(path, walk):
    reel = Reel(path, walk)
    checker = Checker(reel)
    checker.run()
    for offset, message in sorted(checker.findings.items()):
        complain(path, offset, message)
    if checker.findings:
        return 2
    print(f"{path}: sound: {reel.size} bytes, {checker.events} events, {checker.kernel_exits} kernel exits, "
          f"{len(checker.pages)} pages, {len(checker.keyframes)} keyframes, {checker.skipped} blocks skipped")
    return 0


def events(path, walk, with_times):
    names = Event._fields if with_times else Event._fields[:-2]
    print(",".join(names))
    reel = Reel(path, walk)
    for block in reel.blocks:
        try:
            found = read_events(block, reel.stored(block)) if block.type == EVENTS else []
        except Damage as damage:
            raise Damage(f"{block_name(block)}: {damage}", block.offset) from None
        for event in found:
            fields = event._asdict() | {"kind": KINDS.get(event.kind, [f"kind-{event.kind}"])[0],
                                        "payload": event.payload.hex()}
            for name in ("address", "value", "rip", "check", "digest", "timestamp", "arithmetic_flags"):
                fields[name] = "" if fields[name] is None else hex(fields[name])
            print(",".join(str(fields[name]) for name in names))
    return opened(path, reel)


def blocks(path, walk):
    reel = Reel(path, walk)
    print("offset", "type", *Block._fields[2:-1])
    for block in reel.blocks:
        print(block.offset, block_name(block), *block[2:-1])
    return opened(path, reel)


def opened(path, reel):
    """The exit status of a listing: 2 where blocks could not be found; a damaged index only costs a note."""
    for damage in filter(None, (reel.index_damage, reel.stop)):
        complain(path, damage.offset, damage)
    return 2 if reel.stop else 0


def complain(path, offset, message):
    print(f"reel.py: {path}: offset {offset}: {message}", file=sys.stderr)


def guarded(command, path, *options):
    """The command's exit status; trouble is one sentence on standard error."""
    try:
        return command(path, *options)
    except Damage as damage:
        complain(path, damage.offset, damage)
    except BrokenPipeError:  # nobody reads on; Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:
        print(f"reel.py: {path}: {error.strerror}", file=sys.stderr)
    return 2


def main():
    parser = argparse.ArgumentParser(
        prog="reel.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check").add_argument("files", metavar="FILE", nargs="+")
    listing = commands.add_parser("events")
    listing.add_argument("file", metavar="FILE")
    listing.add_argument("--times", action="store_true")
    commands.add_parser("blocks").add_argument("file", metavar="FILE")
    for command in commands.choices.values():
        command.add_argument("--walk", action="store_true", help="find blocks by their headers, not by the index")
    options = parser.parse_args()
    if options.command == "check":
        return max(guarded(check, path, options.walk) for path in options.files)
    if options.command == "events":
        return guarded(events, options.file, options.walk, options.times)
    return guarded(blocks, options.file, options.walk)


if __name__ == "__main__":
    sys.exit(main())
