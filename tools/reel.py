#!/usr/bin/env python3
"""Reads reels without vmreel: written from the text of TRACE-FORMAT.md, an example to port.

  reel.py check FILE...          every checksum, structure, rule and total
  reel.py events FILE [--times]  the events as CSV: what `vmreel dump --format csv` has, and more
  reel.py blocks FILE            the block headers, one a line

Example: tools/reel.py check traces/hello.reel
Exit status: 0 fine; 2 trouble, or a reel that is damaged or partial, with a sentence for each finding.
"""

import argparse
import json
import os
import sys

from reel_format import (
    DIGEST_START, END, EVENTS, HOST_TOTALS, IN, INPUT, KERNEL_EXIT_COLUMNS, KERNEL_EXITS, KEYFRAME, KINDS,
    MARK, MAX_COUNTERS, MAX_ELEMENTS, MAX_MAP_CHAIN, MAX_MAP_PAGES, MAX_NAME_BYTES, MAX_STATE_ENTRIES,
    METADATA, MMIO_READ, MMIO_WRITE, OUT, PAGE_SIZE, PAGES, RDMSR, Block, Cursor, Damage, Event, Reel,
    block_name, columns, digest_after, is_guest_made, poly1305, read_events, require, sums, times)

ZERO_PAGE = bytes(16)


class Checker:
    """Holds a reel's blocks against the rules. After a damaged block it leaves out what needs that block."""

    def __init__(self, reel):
        self.reel, self.findings = reel, []
        self.events, self.guest_made, self.kernel_exits, self.skipped = 0, 0, 0, 0
        self.last, self.state = None, DIGEST_START  # the event before, the running digest if known
        self.end_of = {EVENTS: 0, KERNEL_EXITS: 0}  # the last time of such blocks
        self.anchor = self.next_event = 0
        self.recorded, self.end = None, None
        self.pages, self.map, self.chain = set(), {}, 0
        self.keyframes, self.marks = {}, {}  # number: (event, guest-made exits, check)

    def run(self):
        check = {METADATA: self.metadata, EVENTS: self.event_block, PAGES: self.page_block,
                 KEYFRAME: self.keyframe, END: self.end_record, KERNEL_EXITS: self.kernel_exit_block,
                 HOST_TOTALS: self.host_totals}
        try:
            for block in self.reel.blocks():
                try:
                    raw = self.reel.raw(block)
                    if block.type in check:
                        check[block.type](block, raw)
                    self.skipped += block.type not in check
                except Damage as damage:
                    self.findings.append((block.offset, f"{block_name(block)}: {damage}"))
                    self.last = self.state = None
                if block.type in self.end_of:
                    self.end_of[block.type] = block.last_time
        except Damage as damage:
            self.findings.append((damage.offset, str(damage)))
        if not self.findings:
            try:
                self.totals()
            except Damage as damage:
                self.findings.append((block.offset, f"end: {damage}"))

    def expect(self, condition, message):
        """A rule that cannot be expected to hold once something is lost."""
        require(condition or self.findings, message)

    def metadata(self, _, raw):
        try:
            require(isinstance(json.loads(raw.decode()), dict), "it is no JSON object")
        except (ValueError, RecursionError) as error:
            raise Damage(f"it is no JSON: {error}") from None

    def event_block(self, block, raw):
        require(block.first_time == self.end_of[EVENTS] or block.first_event and not self.events,
                f"its first time is {block.first_time}, not {self.end_of[EVENTS]}")
        for event in read_events(block, raw):
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
        require(event.vcpu < 2**16 and event.count != 1 and event.count <= MAX_ELEMENTS, "vCPU or count")
        if event.kind in (OUT, MMIO_WRITE, INPUT):
            require(len(event.payload) == event.count * event.width, "its payload is not its elements")
            require(event.value < (1 if event.count else 256**event.width), "its value is too large")
        if event.kind in (OUT, IN, MMIO_READ, MMIO_WRITE):
            widths = (1, 2, 4) if event.kind in (OUT, IN) else range(1, 9)
            require(event.width in widths, f"a width of {event.width}")
        self.answer(event)
        require(not event.arithmetic_flags & ~0x8D5, "more than arithmetic flags")
        require(is_guest_made(event) or not event.flags & 2, "flag bit 1, and no guest-made exit")
        if not self.last and event.index:
            self.state = None  # nothing is known of the event before
        elif event.kind < 48 and not is_guest_made(event) or event.kind >= 64:
            left = (self.last.rip, self.last.exit, self.last.exit) if self.last else (0, 0, 0)
            require((event.rip, event.entry, event.exit) == left, "its RIP and times are not the last exit's")
        if event.kind == MARK:
            require(event.address not in self.marks, f"keyframe {event.address} is marked twice")
            self.marks[event.address] = (event.index, self.guest_made, event.check)
        self.events, self.guest_made = self.events + 1, self.guest_made + is_guest_made(event)
        self.digest(event)

    def answer(self, event):
        read = self.last
        if read and (read.kind in (IN, MMIO_READ, RDMSR) or event.kind == INPUT):
            require(read.kind in (IN, MMIO_READ, RDMSR) and event.kind == INPUT, "no answer follows its read")
            is_timestamp = (read.kind, read.address, read.width, read.count) == (IN, 0xE4, 4, 0)
            widths = (8,) if read.kind == RDMSR else (read.width, 8) if is_timestamp else (read.width,)
            require(event.width in widths and event.count == read.count, "it is not as large as the read")

    def digest(self, event):
        self.state = digest_after(event, self.state)
        if event.digest is not None:
            require(self.state in (None, event.digest), "its digest is not what its fields make")
            self.state = event.digest
        require(self.state is None or self.state & 0xFFFF == event.check, "its check is not its digest's")
        if is_guest_made(event) and self.events == event.index + 1 and self.guest_made % 64 == 0:
            require(event.digest is not None, "it is a 64th guest-made exit without a digest")

    def kernel_exit_block(self, block, raw):
        require(block.first_time == self.end_of[KERNEL_EXITS], "its first time is not the last one's end")
        column = columns(raw, KERNEL_EXIT_COLUMNS, block.count)
        times(block, column)
        require(set(column["isa"]) <= {1, 2}, "an unknown instruction set")
        for flags, address, duration in zip(column["flags"], column["address"], column["slice"]):
            require(flags & 8 or not address, "an address that is not known")
            require(flags & 16 or not duration, "a duration where the entry is not known")
        for position, anchor in enumerate(sums(column["anchor"], block.first_event)):
            require(position or anchor == block.first_event, "its first event is not its first anchor")
            require(anchor >= self.anchor, f"anchor {anchor} after {self.anchor}")
            self.anchor = anchor
        self.kernel_exits += block.count

    def page_block(self, _, raw):
        require(not self.reel.is_stripped, "pages in a stripped reel")
        cursor = Cursor(raw)
        count = cursor.fixed(4)
        require(len(raw) == 4 + count * (16 + PAGE_SIZE), f"{len(raw)} bytes for {count} pages")
        for identity in [cursor.take(16) for _ in range(count)]:
            page = cursor.take(PAGE_SIZE)
            require(any(page), "the page of zeros is stored")
            require(poly1305(self.reel.page_key + bytes(16), page) == identity,
                    f"page {identity.hex()} has other contents")
            require(identity not in self.pages, f"page {identity.hex()} is stored twice")
            self.pages.add(identity)

    def keyframe(self, _, raw):
        cursor = Cursor(raw)
        number, kind, parent, flags = cursor.varint(), cursor.fixed(1), cursor.varint() - 1, cursor.fixed(1)
        event, guest_made, digest, _ = cursor.varint(), cursor.varint(), cursor.fixed(8), cursor.varint()
        before, is_full = max(self.keyframes, default=-1), bool(flags & 1)
        require(kind <= 3 and number > before, f"kind {kind}, number {number} after {before}")
        self.expect(parent == -1 if is_full else parent == before >= 0, f"its parent is {parent}")
        self.chain = 1 if is_full else self.chain + 1
        self.expect(self.chain <= MAX_MAP_CHAIN, f"{self.chain} keyframes without a full map")
        self.page_map(cursor, {} if is_full else self.map)
        for _ in ("vCPU", "board"):
            count = cursor.varint()
            require(count <= MAX_STATE_ENTRIES, f"{count} state entries")
            for _ in range(count):
                require(max(cursor.varint() for _ in range(3)) < 2**16, "a state entry's number is too large")
                cursor.bytes()
        cursor.finish()
        self.keyframes[number] = (event, guest_made, digest & 0xFFFF)

    def page_map(self, cursor, page_map):
        count, page = cursor.varint(), 0
        require(count <= (0 if self.reel.is_stripped else MAX_MAP_PAGES), f"a map of {count} pages")
        for position in range(count):
            step, identity = cursor.varint(), cursor.take(16)
            page += step
            require((step or not position) and page < 2**32, "its page numbers do not ascend below 2^32")
            self.expect(page_map.get(page, ZERO_PAGE) != identity, f"page {page} is listed, but did not change")
            self.expect(identity == ZERO_PAGE or identity in self.pages, f"page {page} is not stored before it")
            page_map[page] = identity
        self.map = page_map

    def host_totals(self, _, raw):
        cursor = Cursor(raw)
        moment, event, _, count = cursor.fixed(1), cursor.varint(), cursor.varint(), cursor.varint()
        require(moment <= 2 and count <= MAX_COUNTERS, f"moment {moment}, {count} counters")
        counters = {cursor.bytes(MAX_NAME_BYTES): cursor.varint() for _ in range(count)}
        self.recorded = counters.get(b"tracer.recorded") if moment == 2 else None

    def end_record(self, _, raw):
        cursor = Cursor(raw)
        reason, _ = cursor.fixed(1), cursor.varint()
        require(reason <= 12, f"an unknown reason, {reason}")
        self.end = [cursor.varint() for _ in range(5)][:3] + [cursor.fixed(8) & 0xFFFF]

    def totals(self):
        check = self.last.check if self.last else DIGEST_START & 0xFFFF
        found = [self.events, self.guest_made, len(self.keyframes), check]
        totals = "events, guest-made exits, keyframes, check"
        require(self.end == found, f"it says {self.end} {totals}, found are {found}")
        # A trimmed reel's first keyframe tells how many guest-made exits were before it.
        first = min(self.keyframes, default=None) if self.events < self.next_event else None
        base = self.keyframes[first][1] - self.marks[first][1] if first in self.marks else 0
        marks = {number: (event, exits + base, check) for number, (event, exits, check) in self.marks.items()}
        require(self.keyframes == marks, "the keyframes and the marks among the events do not agree")
        require(not self.kernel_exits or self.anchor < self.next_event, "a kernel exit after the last event")
        require(self.recorded in (None, self.kernel_exits),
                f"there are {self.kernel_exits} kernel exits, not the {self.recorded} of the host totals")


# Commands


def check(path):
    reel = Reel(path)
    checker = Checker(reel)
    checker.run()
    for offset, message in checker.findings:
        complain(path, offset, message)
    if checker.findings:
        return 2
    print(f"{path}: sound: {reel.size} bytes, {checker.events} events, {checker.kernel_exits} kernel exits, "
          f"{len(checker.pages)} pages, {len(checker.keyframes)} keyframes, {checker.skipped} blocks skipped")
    return 0


def events(path, with_times):
    names = Event._fields if with_times else Event._fields[:-2]
    print(",".join(names))
    reel = Reel(path)
    for block in reel.blocks():
        try:
            found = read_events(block, reel.raw(block)) if block.type == EVENTS else []
        except Damage as damage:
            raise Damage(f"{block_name(block)}: {damage}", block.offset) from None
        for event in found:
            fields = event._asdict() | {"kind": KINDS.get(event.kind, [f"kind-{event.kind}"])[0],
                                        "payload": event.payload.hex()}
            for name in ("address", "value", "rip", "check", "digest", "timestamp", "arithmetic_flags"):
                fields[name] = "" if fields[name] is None else hex(fields[name])
            print(",".join(str(fields[name]) for name in names))
    return 0


def blocks(path):
    print("offset", "type", *Block._fields[2:-1])
    for block in Reel(path).blocks():
        print(block.offset, block_name(block), *block[2:-1])
    return 0


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
    options = parser.parse_args()
    if options.command == "check":
        return max(guarded(check, path) for path in options.files)
    if options.command == "events":
        return guarded(events, options.file, options.times)
    return guarded(blocks, options.file)


if __name__ == "__main__":
    sys.exit(main())
