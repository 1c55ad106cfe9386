#!/usr/bin/env python3
# Writes a core file around an image, as small as ELF allows: two parts of memory, the later one first.
#   core.py IMAGE ADDRESS BITS little|big CORE
import struct
import sys

image, address, bits, order, core = sys.argv[1:]
memory, address = open(image, "rb").read(), int(address, 0)
start = "<" if order == "little" else ">"
cut = 5000 & ~3
parts = [(address + cut, memory[cut:]), (address, memory[:cut])]
wide = bits == "64"
header_size, entry_size = (64, 56) if wide else (52, 32)
ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "little" else 2, 1]) + bytes(9)
entry_format = start + ("IIQQQQQQ" if wide else "IIIIIIII")
out = ident + struct.pack(start + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"),
                          4, 0, 1, 0, header_size, 0, 0, header_size, entry_size, len(parts), 0, 0, 0)
at = header_size + entry_size * len(parts) + 3  # nothing has to be aligned
for where, data in parts:
    sizes = (len(data), len(data))
    out += struct.pack(entry_format, 1, 6, at, where, where, *sizes, 4096) if wide else struct.pack(
        entry_format, 1, at, where, where, *sizes, 6, 4096)
    at += len(data)
open(core, "wb").write(out + bytes(3) + b"".join(data for _, data in parts))
