#!/usr/bin/env python3
"""Counts a reel's exits without vmreel, over reel.py's modules: what `vmreel stats` must count too.

  reel_counts.py FILE  CSV lines: table,name,samples,bytes

The tables are those of `stats`: runner's exits by reason, port, gpa, msr, rip, vcpu and reason,port; injected interrupts
by vector; kicks by cause; kernel exits by reason, those handled by the kernel alone, and their accesses to memory
(nested-paging faults by page).

Example: tools/reel_counts.py traces/hello.reel
Exit status: 0 fine; 2 trouble, or a reel that is damaged or partial, with a sentence.
"""

import json
import sys
from collections import Counter

from reel_events import INTERRUPT, KERNEL_EXIT_COLUMNS, KINDS, columns, is_guest_made, read_events
from reel_format import EVENTS, KERNEL_EXITS, METADATA, Damage, Reel, decompress

KICK = 48
LEFT_TO_OTHERS, HAS_ADDRESS = 1 | 2 | 4, 8  # flags of kernel exits
MEMORY = 2  # of the kinds of a kernel exit's access
CAUSES = {0: "quantum", 1: "stop", 2: "late-window"}
# Kinds of accesses: the table, and the ends of a write's and a read's name.
ACCESSES = {1: ("port", ":POUT"), 2: ("port", ":PIN"), 3: ("gpa", ":W"), 4: ("gpa", ":R"), 5: ("msr", ":W"),
            6: ("msr", ":R")}


class Counts:
    """Samples and bytes by table and name."""

    def __init__(self):
        self.samples, self.bytes = Counter(), Counter()

    def add(self, table, name, moved=0):
        self.samples[table, name] += 1
        self.bytes[table, name] += moved

    def event(self, event):
        if event.kind == INTERRUPT:
            self.add("vector", hex(event.address))
        elif event.kind == KICK:
            self.add("cause", CAUSES[event.address])
        elif is_guest_made(event):
            reason = KINDS.get(event.kind, [f"kind-{event.kind}"])[0]
            table, end = ACCESSES.get(event.kind, (None, ""))
            moved = event.width * max(1, event.count) if table else 0
            self.add("reason", reason, moved)
            self.add("rip", hex(event.rip), moved)
            self.add("vcpu", str(event.vcpu), moved)
            if table:
                self.add(table, hex(event.address) + end, moved)
            if table == "port":
                self.add("reason,port", reason + " " + hex(event.address) + end, moved)

    def kernel_exits(self, column, names):
        fields = (column[name] for name in ("isa", "flags", "reason", "info1", "address", "access"))
        for isa, flags, reason, info, address, access in zip(*fields):
            name = names(isa, reason)
            self.add("kernel:reason", name)
            if not flags & LEFT_TO_OTHERS:
                self.add("handled:reason", name)
            if access and flags & HAS_ADDRESS:
                if access & 0x7F == MEMORY:
                    self.add("kernel:gpa", hex(address) + (":W" if access & 0x80 else ":R"))
                continue
            is_fault = reason & 0xFFFF in (48, 49) if isa == 1 else reason == 0x400
            if is_fault and flags & HAS_ADDRESS:
                fetch = info >> (4 if isa == 2 else 2) & 1
                self.add("kernel:gpa", hex(address & ~0xFFF) + (":X" if fetch else ":W" if info >> 1 & 1 else ":R"))


def reason_names(metadata):
    """A function that names kernel exits by the reel's own tables."""
    tables = metadata.get("kernelExits", {}).get("reasons", {})
    return lambda isa, reason: tables.get(str(isa), {}).get(str(reason)) or hex(reason)


def count(path):
    reel, counts, names = Reel(path), Counts(), None
    if reel.stop:
        raise reel.stop
    for block in reel.blocks:
        stored = reel.stored(block)
        if block.type == METADATA:
            names = reason_names(json.loads(decompress(stored, block.raw_size)))
        elif block.type == EVENTS:
            for event in read_events(block, stored):
                counts.event(event)
        elif block.type == KERNEL_EXITS:
            counts.kernel_exits(columns(block, stored, KERNEL_EXIT_COLUMNS), names)
    return counts


def main():
    if len(sys.argv) != 2:
        print("usage: reel_counts.py FILE", file=sys.stderr)
        return 2
    try:
        counts = count(sys.argv[1])
    except Damage as damage:
        print(f"reel_counts.py: {sys.argv[1]}: offset {damage.offset}: {damage}", file=sys.stderr)
        return 2
    print("table,name,samples,bytes")
    for key in sorted(counts.samples):
        table, name = key
        print(f'"{table}",{name},{counts.samples[key]},{counts.bytes[key]}')
    return 0


if __name__ == "__main__":
    sys.exit(main())
