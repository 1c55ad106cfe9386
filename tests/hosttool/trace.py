#!/usr/bin/env python3
# Writes the example of the trace format's page, or by its rules a module that leaks each time, damaged copies of that, the
# memory of a target of this byte order, in which a ring has the newest of its records, a refusal for each reason, or a
# module that is loaded 100,000 times in a heap that is taken down.
#   trace.py FILE [leak | damage | little | big | refusals | loads]
import random
import sys

EXAMPLE = """
44 4d 48 54 01 00 04 00 c0 84 3d
0f 09 f4 03 80 90 80 80 01 80 80 01 94 05 08 00
0b 01 90 03 f0 3f 02 1c 20 00 00 00
0a 06 00 ef 3f 84 01 03 67 70 73
0e 01 00 cc 02 84 01 64 68 00 b5 a4 80 40 01
14 03 ac 02 00 84 01 68 34 84 01 c8 01 d0 01 00 d1 a4 80 40 01
12 05 64 cb 02 90 bf 05 00 01 03 67 70 73 b5 a4 80 40 01
06 0f c8 01 80 04 07
0c 02 0a 7f 84 01 d0 01 f1 a4 80 40 02
"""


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def zigzag(value):
    return varint(value << 1 if value >= 0 else -value * 2 - 1)


def text(name):
    return varint(len(name)) + name.encode()


class Trace:
    def __init__(self):
        self.out, self.address = bytearray(b"DMHT\1\0\4\0" + varint(0)), 0

    def record(self, op, address, *fields):
        body = bytes([op]) + varint(1) + zigzag((address - self.address) // 4) + b"".join(
            field if isinstance(field, bytes) else varint(field) for field in fields)
        self.address = address
        self.out += varint(len(body)) + body


def leak():
    trace, heap = Trace(), 0x20000000
    trace.record(9, heap, 65536, 600, 8, text("main"))
    for load in range(3):
        key = 4 + 128 * load
        trace.record(6, heap, key, text("leaky"))
        for block in range(4):
            trace.record(1, heap + 1000 + 64 * block, key, 40, 48, 0, 0x8001235, 0)
        trace.record(99, heap, b"of a later version")
        for block in range(2):
            trace.record(2, heap + 1000 + 64 * block, key, 48, 0x8001300, 0)
        for block in range(2, 4):
            trace.record(11, heap + 1000 + 64 * block, key, 48)
        trace.record(8, heap, key)
        trace.record(5, heap, 5000, 0, 1, text("leaky"), 0x8001235, 1)
    return trace.out


def loads():
    trace, heap = Trace(), 0x20000000
    trace.record(9, heap, 65536, 600, 8, text("main"))
    trace.record(6, heap, 5, text("stays"))
    for load in range(100000):
        key = 4 + 128 * load
        trace.record(6, heap, key, text("goes"))
        trace.record(1, heap + 1000, key, 40, 48, 0, 0, 0)
        trace.record(2, heap + 1000, key, 48, 0, 0)
        trace.record(8, heap, key)
    trace.record(10, heap)
    return trace.out


def refusals():
    trace = Trace()
    for reason in range(13):
        trace.record(5, 0x20000000, 5000, 0, reason, text("some"), 0, 0)
    return trace.out


def ring(order):
    trace = leak()[9:]
    at, time, address = 0, 0, 0
    for _ in range(5):  # dropped: what the others count from
        length = trace[at]
        time, at = time + 1, at + 1 + length
    address = 0x20000000 + 1000 + 64 * 2
    size, tail = 700, 650
    records, memory = trace[at:], bytearray(size)
    for number, byte in enumerate(records):
        memory[(tail + number) % size] = byte
    words = [0, 0, 0, size, tail, (tail + len(records)) % size, 5, time, 0, address // 4, 0, 0]
    out = b"".join(word.to_bytes(4, order) for word in words)
    magic = (0x52484D44).to_bytes(4, order) + bytes([1, order == "big", 4, 0])
    return bytes(520) + magic + bytes(40) + bytes(12) + magic + out[8:] + bytes(memory) + bytes(100)


if sys.argv[2:] == []:
    open(sys.argv[1], "wb").write(bytes.fromhex(EXAMPLE))
elif sys.argv[2] == "leak":
    open(sys.argv[1], "wb").write(leak())
elif sys.argv[2] in ("loads", "refusals"):
    open(sys.argv[1], "wb").write(loads() if sys.argv[2] == "loads" else refusals())
elif sys.argv[2] in ("little", "big"):
    open(sys.argv[1], "wb").write(ring(sys.argv[2]))
else:
    draw = random.Random(1)
    for number in range(120):
        trace = bytearray(leak())
        for _ in range(draw.randrange(1, 6)):
            trace[draw.randrange(8, len(trace))] = draw.choice([0, 0xFF, 0x7F, 0x80, draw.randrange(256)])
        open(f"{sys.argv[1]}.{number}", "wb").write(trace[: draw.choice([len(trace), draw.randrange(1, len(trace))])])
