"""
GDB commands that look at dmheap's heaps: in a stopped program, on a target, in a core file. `source` this file, then
`help dmheap`; docs/gdb.md has more. Needs GDB 13 or later, and a library that was built with -g.

Where things lie is taken from the debug information. Nothing is called in the program, and nothing is written. A heap
may be damaged: each place that is read from it is asked whether it is one before it is followed, as in the library,
whose names are used here: src/image.h says what they mean.
"""
import functools
import sys
import threading
import time
import types

import gdb

WIDTH = 80  # of what is printed
LARGEST = 8  # blocks that a report lists
READ = 4096  # bytes: what is asked for at the least, where a larger piece cannot be read
HEAP_MOST = 1 << 29  # words: no heap is larger

FAULTS = {
    "OK": "every invariant holds",
    "GEOMETRY": "the control data at the front of the heap is overwritten",
    "HEADER": "the block's header has an impossible size or flag",
    "NEIGHBOUR": "two neighbours contradict each other, or do not touch",
    "FOOT": "the free block's foot differs from its header",
    "FREE_LIST": "the free block is not in the list that it belongs in",
    "INDEX": "bitmaps and lists of free blocks contradict each other",
    "OWNER": "the block's owner does not exist",
    "MODULE": "a module's record or counters are wrong",
    "COUNTERS": "the heap's counters differ from what its blocks add up to",
    "GUARD": "written behind the end of the block, or into free memory",
}

# ---- The layout ----


class Layout:
    """The library's constants by their names, its types, and the registry of heaps: from the debug information."""

    def __init__(self):
        symbols = gdb.lookup_static_symbols("registry", gdb.SYMBOL_VAR_DOMAIN)
        symbols = [s for s in symbols if s.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT
                   and {"heap", "order", "serial"} <= {f.name for f in s.type.strip_typedefs().fields()}]
        placed = [s for s in symbols if s.addr_class == gdb.SYMBOL_LOC_STATIC]
        if not placed:
            raise gdb.GdbError("No dmheap here: there is none in this program, or it was built without -g.")
        self.registry = placed[0].value()
        for symbol in symbols:  # link-time optimisation makes two of it: one has the place, the other the constants
            scope = symbol.symtab.static_block()
            for each in scope:
                if each.addr_class == gdb.SYMBOL_LOC_CONST or each.name == "PATTERN":
                    setattr(self, each.name, int(each.value()))
        self.context = self.registry["heap"].type.target().target().strip_typedefs()
        self.module = gdb.lookup_type("module_t", scope).strip_typedefs()
        self.pointer = self.registry["heap"].type.target().sizeof
        self.order = "big" if self.IMAGE_BIG_ENDIAN else "little"

    def offset(self, field):
        """Of a field of the context, in words."""
        return next(f.bitpos for f in self.context.fields() if f.name == field) // 32

    def unpack(self, kind, data):
        """The fields of a structure of integers, by their names."""
        result = types.SimpleNamespace()
        for field in kind.fields():
            inner = field.type.strip_typedefs()
            part = data[field.bitpos // 8:field.bitpos // 8 + inner.sizeof]
            if inner.code == gdb.TYPE_CODE_STRUCT:
                setattr(result, field.name, self.unpack(inner, part))
            elif inner.code == gdb.TYPE_CODE_INT:
                signed = int(gdb.Value(-1).cast(inner)) < 0
                setattr(result, field.name, int.from_bytes(part, self.order, signed=signed))
        return result


# ---- A heap's image ----


class NoHeap(Exception):
    """Why nothing can be told of a heap."""


class Block:
    """A block of a heap: its place and size in words, its header, its owner's number."""

    def __init__(self, heap, at):
        self.heap, self.at, self.header = heap, at, heap.word(at - 1)
        self.size, self.owner = heap.size(self.header), heap.owner(self.header)
        self.address, self.bytes = heap.address + 4 * at, 4 * self.size

    def is_users(self):
        return self.owner >= self.heap.layout.OWNER_NOBODY

    def trailer(self):
        """With the guard, the place behind the canary; 0 where there is none."""
        layout, behind = self.heap.layout, 1 if self.header & self.heap.layout.HEADER_ALIGNED else 0
        if not layout.IMAGE_GUARD or not self.is_users() or not self.heap.fits(self.at, self.size):
            return 0
        return self.at + self.size - 1 - behind - layout.GUARD_TRAILER \
            if self.size >= 1 + layout.GUARD_BYTES // 4 + behind else 0

    def usable(self):
        """Bytes that the owner may use: with the guard, those asked for; of a free block, what it could be."""
        layout, end = self.heap.layout, self.trailer()
        if self.owner == layout.OWNER_FREE:
            return self.heap.payload(self.size)
        if layout.IMAGE_GUARD and self.is_users():
            return min(self.heap.word(end), 4 * (end - self.at)) if end else 0
        return max(0, 4 * (self.size - (2 if self.header & layout.HEADER_ALIGNED else 1)))

    def caller(self):
        """With the guard, the address behind the call that allocated it; or 0."""
        end = self.trailer()
        return int.from_bytes(self.heap.part(end + 1, self.heap.layout.pointer // 4), self.heap.layout.order) if end else 0

    def use(self):
        layout = self.heap.layout
        return {layout.OWNER_FREE: "(free)", layout.OWNER_MOVING: "(moving)", layout.OWNER_SYSTEM: "(heap)",
                layout.OWNER_NOBODY: "(none)"}.get(self.owner) or self.heap.name_of(self.owner) or "(unknown)"


class Heap:
    """What one read of a heap's memory shows. Places and sizes are words, as in the library."""

    def __init__(self, layout, address, position):
        self.layout, self.address, self.position, self.notes = layout, address, position, []
        self.data, self.unread = bytearray(layout.context.sizeof), 0
        self.load(0, layout.CONTEXT_WORDS)
        if self.unread:
            raise NoHeap("its memory cannot be read")
        self.understand()
        self.data.extend(bytes(4 * self.end - len(self.data)))
        self.load(layout.CONTEXT_WORDS, self.end - layout.CONTEXT_WORDS)
        if self.unread:
            self.notes.append("%d bytes of it cannot be read: taken for zeros" % (4 * self.unread))
        self.name = self.text(self.context.name)

    def load(self, at, count):
        """Reads words, in one piece if that can be had."""
        count = max(0, min(count, len(self.data) // 4 - at))
        try:
            if count != 0:
                self.data[4 * at:4 * (at + count)] = read(self.address + 4 * at, 4 * count)
        except gdb.MemoryError:
            if 4 * count <= READ:
                self.unread += count
            else:
                self.load(at, count // 2)
                self.load(at + count // 2, count - count // 2)

    def understand(self):
        """Reads the context. Where the words that say where all lies contradict their seal, the one is mended that makes
        of them what a heap is made with."""
        layout, data = self.layout, bytes(self.data)
        first, seal = layout.offset("first"), layout.offset("seal")
        wrong = functools.reduce(lambda a, b: a ^ b, [self.word(at) for at in range(first, seal + 1)]) ^ layout.IMAGE_SEAL
        self.sealed = wrong == 0
        for at in range(seal, first - 1, -1):
            mended = data[:4 * at] + (self.word(at) ^ wrong).to_bytes(4, layout.order) + data[4 * at + 4:]
            self.context = layout.unpack(layout.context, mended)
            if self.is_planned(self.context):
                break
        else:
            raise NoHeap("the control data at its front is overwritten")
        if not self.sealed:
            self.notes.append("word %d of its control data is overwritten, and inferred" % at)
        if self.context.magic != layout.IMAGE_MAGIC:
            self.notes.append("its first word, the magic number, is overwritten")
        if self.context.layout != layout.IMAGE_LAYOUT:
            self.notes.append("its layout is not this program's: the wrong ELF file?")

    def is_planned(self, context):
        """Whether the parts lie where plan_parts() in src/contexts.c places them."""
        self.end = context.first + context.reach + self.layout.BLOCK_MIN_SIZE
        if self.end > HEAP_MOST or max(context.granule_shift, context.list_shift, context.hint_shift) > 30:
            return False
        self.granule, self.scale = 1 << context.granule_shift, context.size_scale
        behind = context.map_at + (1 << 31 - context.hint_shift)  # the hints
        first = behind + (max(0, self.end - behind) >> context.granule_shift >> 5) + 2
        first += -(self.address // 4 + first) % self.granule
        return first == context.first < self.end and self.list_of(self.end) == context.map_at - 1 and \
            self.scale == max(0, (self.end - 1).bit_length() - self.layout.HEADER_SIZE_BITS)

    # Accessors, as those in src/image.h and src/blocks.c; what lies outside is 0.

    def part(self, at, count):
        return bytes(self.data[4 * at:4 * (at + count)]) if at >= 0 else b""

    def word(self, at):
        return int.from_bytes(self.data[4 * at:4 * at + 4], self.layout.order) if at >= 0 else 0

    def granules(self):
        return (self.end - self.context.first) // self.granule

    def size(self, header):
        return header >> self.layout.HEADER_SIZE_SHIFT << self.scale

    def owner(self, header):
        return (header & self.layout.HEADER_OWNER_MASK) >> self.layout.HEADER_OWNER_SHIFT

    def in_heap(self, at):
        return self.context.first <= at <= self.context.first + self.context.reach

    def fits(self, at, size):
        return self.in_heap(at) and self.layout.BLOCK_MIN_SIZE <= size <= self.end - at

    def payload(self, size):
        return max(0, 4 * (size - 1) - self.layout.GUARD_BYTES) if size else 0

    def map_get(self, at):
        """Whether a live block's payload is there."""
        bit = (at - self.context.first) // self.granule
        return 0 <= bit < self.granules() and \
            self.word(self.context.map_at + bit // 32) >> (31 - bit % 32) & 1 != 0

    def list_of(self, size):
        context = self.context
        shift = max(size.bit_length() - 1 - context.list_shift, context.granule_shift)
        return context.list_at + (shift << context.list_shift) + (size >> shift)

    def free_size_at(self, at):
        """What a place says is the size of the free block there, 0: none can be there."""
        header = self.word(at - 1)
        size = self.size(header)
        return size if header & self.layout.TABLE_TAG_MASK == 0 and self.fits(at, size) else 0

    def free_size(self, at):
        """The same, 0 also where foot or links contradict it."""
        size, link, following = self.free_size_at(at), self.word(at), self.word(at + 1)
        good = size != 0 and self.word(at + size - 2) == self.word(at - 1) and \
            self.layout.CONTEXT_WORDS <= link <= self.context.first + self.context.reach and self.word(link + 1) == at
        return size if good and (following == 0 or self.in_heap(following) and self.word(following) == at) else 0

    def largest_free(self):
        """Bytes that malloc can grant: of the first blocks of the highest list, the largest."""
        summary, largest = self.context.list_summary, 0
        if summary == 0:
            return 0
        word = 31 - lowest_bit(summary)
        bits = self.word(self.layout.CONTEXT_WORDS + word)
        place = 32 * word + 31 - lowest_bit(bits) if bits else self.end
        at = self.word(place) if place < self.context.map_at else 0
        for _ in range(self.layout.OWN_LIST_PROBES):
            if self.free_size_at(at) == 0:
                break
            largest, at = max(largest, self.free_size_at(at)), self.word(at + 1)
        return self.payload(largest)

    # Owners.

    def record_at(self, owner):
        """The place of a module's record, 0: none."""
        number, context = owner - self.layout.OWNER_FIRST_MODULE, self.context
        place = context.table_at + number
        if not 0 <= number < context.table_span or not context.first <= place < self.end:
            return 0
        at = self.word(place) >> self.layout.TABLE_TAG_BITS << self.scale
        return at if context.first <= at <= self.end - self.layout.MODULE_WORDS - 1 else 0

    def module(self, owner):
        at = self.record_at(owner)
        return self.layout.unpack(self.layout.module, self.part(at, self.layout.MODULE_WORDS)) if at else None

    def owners(self):
        first = self.layout.OWNER_FIRST_MODULE
        return [o for o in range(first, first + self.context.table_span) if self.record_at(o)]

    def name_of(self, owner):
        at = self.record_at(owner)
        return self.text(at + self.layout.MODULE_WORDS) if at else ""

    def find(self, name):
        """The module that a search for a name comes to, 0: none. The table has bits of the name's hash, FNV-1a."""
        tag = 2166136261
        for byte in name.encode("latin-1"):
            tag = (tag ^ byte) * 16777619 & 0xffffffff
        table, mask = self.context.table_at - self.layout.OWNER_FIRST_MODULE, self.layout.TABLE_TAG_MASK
        tag >>= 32 - self.layout.TABLE_TAG_BITS
        return next((o for o in self.owners() if self.word(table + o) & mask == tag and self.name_of(o) == name), 0)

    def text(self, at):
        """A name; the end mark, whose last byte may be no zero, is none of it."""
        end = min(4 * at + self.layout.IMAGE_NAME_SIZE - 1, 4 * self.end - 4) if at >= self.context.first else 0
        return bytes(self.data[4 * at:end]).partition(b"\0")[0].decode("latin-1")

    def is_leaving(self, holding):
        return holding.ceiling == 0

    # Walks.

    def starts(self):
        """The places of live payloads, by the start map."""
        for word in range(self.granules() // 32 + 1):
            bits = self.word(self.context.map_at + word)
            while bits:
                bit = 32 - bits.bit_length()
                bits &= ~(1 << 31 - bit)
                at = self.context.first + (32 * word + bit) * self.granule
                if self.in_heap(at):
                    yield at

    @functools.cached_property
    def blocks(self):
        return list(self.walk())

    def walk(self):
        """All blocks in the order of their addresses, as dmheap_visit_blocks() shows them."""
        position = shown = self.context.first
        for at in list(self.starts()) + [self.end]:
            if at < position:
                continue
            if self.word(at - 1) & self.layout.HEADER_PREVIOUS_FREE:
                free = at - self.size(self.word(at - 2))
                if free >= shown and self.free_size_at(free):
                    yield Block(self, free)
            if at == self.end:
                return
            block = Block(self, at)
            yield block
            position = at + self.granule
            if self.fits(at, block.size):
                shown = at + block.size
            if self.fits(at, block.size) and self.in_heap(shown):
                position = shown
                behind = self.word(position - 1)
                if self.owner(behind) == self.layout.OWNER_FREE and self.size(behind) <= self.end - position:
                    position += self.size(behind)

    def used(self):
        """Words in users' blocks."""
        return (self.end - self.context.first - self.context.free_words - self.context.system.live) & 0xffffffff


def lowest_bit(bits):
    return (bits & -bits).bit_length() - 1


def read(address, count):
    return bytes(gdb.selected_inferior().read_memory(address, count))


def heaps():
    """The heaps that exist, the default ones first and in their order; says of which nothing can be told."""
    layout = Layout()
    try:
        layout.registry.fetch_lazy()
        most = layout.registry["heap"].type.range()[1] + 1
        addresses = [int(layout.registry["heap"][i]) for i in range(most)]
        order = [int(layout.registry["order"][i]) for i in range(min(int(layout.registry["defaults"]), most))]
        order = list(dict.fromkeys(order))  # where the registry is overwritten, one may be there twice
    except gdb.MemoryError as error:
        raise gdb.GdbError("The registry of heaps cannot be read (%s): does the program run?" % error)
    found = []
    for place in order + [p for p in range(most) if p not in order]:
        if place >= most or addresses[place] == 0:
            continue
        try:
            position = str(order.index(place) + 1) if place in order else "-"
            found.append(Heap(layout, addresses[place], position))
        except NoHeap as why:
            say("heap %#x: DMHEAP_CHECK_GEOMETRY" % addresses[place])
            say("  %s" % why)
            found.append(None)
    if not found:
        raise gdb.GdbError("DMHEAP_CHECK_NOT_INITIALIZED: there is no heap.")
    for heap in filter(None, found):
        for note in heap.notes:
            say("heap %#x: %s" % (heap.address, note))
    return [heap for heap in found if heap]


# ---- The check: the invariants in the order of dmheap_check(), each as what is wrong and the place of the block ----


class Fault(Exception):
    """A word of dmheap_check_t, and the place of a block or 0."""


def need(holds, fault, at=0):
    if not holds:
        raise Fault(fault, at)


class Check:
    def __init__(self, heap):
        self.heap, self.layout, self.covered, self.listed, self.moving, self.records = heap, heap.layout, 0, 0, 0, 0
        self.found, self.booked = {}, {}  # blocks and words, by owner

    def faults(self):
        """The first of each part; sums are compared where there is none."""
        faults = []
        for part in (self.geometry, self.chain_of_blocks, self.lists, self.modules, self.counters):
            try:
                if part != self.counters or not faults:
                    part(self.heap, self.layout, self.heap.context)
            except Fault as fault:
                faults.append(fault.args)
        return faults or [("OK", 0)]

    def geometry(self, heap, layout, context):
        need(heap.sealed and (context.magic, context.layout) == (layout.IMAGE_MAGIC, layout.IMAGE_LAYOUT), "GEOMETRY")

    def chain_of_blocks(self, heap, layout, context):
        self.covered = context.first
        for at in heap.starts():
            self.free_before(heap, layout, at)
            self.live(heap, layout, at)
        granules = heap.granules()
        behind = heap.word(context.map_at + granules // 32) << granules % 32 & 0xffffffff
        for bit in range(context.reach // heap.granule + 1, granules):  # too near to the end for a block
            behind |= heap.map_get(context.first + bit * heap.granule)
        mark = heap.word(heap.end - 1) & ~layout.HEADER_PREVIOUS_FREE
        need(mark == layout.OWNER_SYSTEM << layout.HEADER_OWNER_SHIFT and not behind, "HEADER", heap.end)
        self.free_before(heap, layout, heap.end)

    def free_before(self, heap, layout, at):
        if not heap.word(at - 1) & layout.HEADER_PREVIOUS_FREE:
            return need(self.covered == at, "NEIGHBOUR", at)
        foot = heap.word(at - 2)
        size, free = heap.size(foot), at - heap.size(foot)
        need(size >= layout.BLOCK_MIN_SIZE and heap.in_heap(free), "FOOT", at)
        need(heap.word(free - 1) == foot and not foot & layout.TABLE_TAG_MASK, "FOOT", free)
        need(self.covered == free, "NEIGHBOUR", at)
        need(heap.free_size(free), "FREE_LIST", free)
        if layout.IMAGE_GUARD:
            pattern = layout.PATTERN.to_bytes(4, layout.order) * (size - 4)
            need(heap.part(free + 2, size - 4) == pattern, "GUARD", free)
        count(self.found, layout.OWNER_FREE, 1, size)

    def live(self, heap, layout, at):
        block = Block(heap, at)
        need(block.owner != layout.OWNER_FREE and heap.fits(at, block.size) and not block.size % heap.granule,
             "HEADER", at)
        if block.header & layout.HEADER_ALIGNED:
            log2 = heap.word(at + block.size - 2)
            need(log2 < 8 * layout.pointer and 1 << log2 > 4 * heap.granule and not block.address % (1 << log2),
                 "HEADER", at)
        self.covered = at + block.size
        mark = heap.word(self.covered - 1)
        starts = self.covered == heap.end or heap.owner(mark) == layout.OWNER_FREE or heap.map_get(self.covered)
        need(starts and not mark & layout.HEADER_PREVIOUS_FREE, "NEIGHBOUR", at)
        need(block.owner <= layout.OWNER_NOBODY or heap.record_at(block.owner), "OWNER", at)
        if layout.IMAGE_GUARD and block.is_users():
            end = block.trailer()
            canary = heap.data[4 * at + block.usable():4 * end]
            need(end and heap.word(end) <= 4 * (end - at) - 4 and not canary.strip(bytes([layout.CANARY])), "GUARD", at)
        self.moving += block.owner == layout.OWNER_MOVING
        count(self.found, block.owner, 1, block.size)

    def lists(self, heap, layout, context):
        first, last = heap.list_of(max(heap.granule, layout.BLOCK_MIN_SIZE)), context.map_at - 1
        need(context.list_summary & (1 << 31 - last // 32) - 1 == 0, "INDEX")
        for place in range((last | 31) + 1):
            bits = heap.word(layout.CONTEXT_WORDS + place // 32)
            head = heap.word(place) if first <= place <= last else 0
            need(context.list_summary >> 31 - place // 32 & 1 == (bits != 0), "INDEX")
            need(bits >> 31 - place % 32 & 1 == (head != 0), "INDEX")
            need(head == 0 or heap.in_heap(head) and heap.word(head) == place - 1, "INDEX")
            while head != 0:
                self.listed += 1
                need(heap.in_heap(head) and self.listed <= context.free_blocks, "INDEX")
                size = heap.free_size_at(head)
                need(size and heap.list_of(size) == place, "FREE_LIST", head)
                head = heap.word(head + 1)

    def modules(self, heap, layout, context):
        at, span, room, nobody = context.table_at, context.table_span, context.table_room, context.nobody
        there = context.first <= at < heap.end and context.first <= at + span < heap.end
        block = Block(heap, at)
        need(not context.unused and (not (at or room or span) or (
            there and heap.map_get(at) and block.owner == layout.OWNER_SYSTEM and
            0 < span <= room <= layout.IMAGE_MODULES and room < block.size and heap.word(at + span - 1))), "MODULE")
        need(nobody.ceiling == layout.CEILING_NONE and nobody.peak >= nobody.live, "MODULE")
        count(self.booked, layout.OWNER_SYSTEM, context.system.blocks, context.system.live)
        count(self.booked, layout.OWNER_NOBODY, nobody.blocks, nobody.live)
        for number in range(span if there else 0):
            entry = heap.word(at + number)
            if entry != 0:
                self.records += 1
                need(self.record_is_valid(heap, layout, number + layout.OWNER_FIRST_MODULE),
                     "MODULE", entry >> layout.TABLE_TAG_BITS << heap.scale)

    def record_is_valid(self, heap, layout, owner):
        at, name, module = heap.record_at(owner), heap.name_of(owner), heap.module(owner)
        block = Block(heap, at)
        if not (module and name and heap.map_get(at) and block.owner == layout.OWNER_SYSTEM and
                module.key & (1 << layout.OWNER_BITS) - 1 == owner and
                block.size > layout.MODULE_WORDS + 1 + len(name) // 4 and heap.find(name) == owner):
            return False
        held = module.holding
        count(self.booked, owner, held.blocks, held.live)
        return held.ceiling <= layout.CEILING_NONE and (heap.is_leaving(held) or held.peak >= held.live)

    def counters(self, heap, layout, context):
        free = self.found.pop(layout.OWNER_FREE, [0, 0])
        need(self.listed == free[0], "INDEX")
        need(sum(held[0] for held in self.found.values()) == (context.taken - context.released) & 0xffffffff and
             free == [context.free_blocks, context.free_words] and context.free_lowest <= context.free_words and
             self.moving == context.moving, "COUNTERS")
        need(self.records == context.modules, "MODULE")
        owners = self.found.keys() | self.booked.keys()
        need(self.moving or all(self.found.get(o, [0, 0]) == self.booked.get(o, [0, 0]) for o in owners), "MODULE")


def count(sums, owner, blocks, words):
    held = sums.setdefault(owner, [0, 0])
    held[0] += blocks
    held[1] += words


# ---- Words: all that is printed ----


def say(line):
    gdb.write(line + "\n")


def shorten(text, width):
    """Leaves out the middle of what is too long; shows no byte that a terminal obeys."""
    text = "".join(c if " " <= c <= "~" else "?" for c in text)
    if len(text) <= width:
        return text
    front = (width - 1) // 2
    return text[:front] + "~" + text[len(text) - (width - 1 - front):]


def table(head, rows, flexible):
    """Columns as wide as needed, words to the left and numbers to the right; the flexible one is cut to what is left."""
    rows = [[str(cell) for cell in row] for row in rows]
    wide = [max(len(row[i]) for row in rows + [head]) for i in range(len(head))]
    wide[flexible] = max(4, min(wide[flexible], WIDTH - sum(wide) - len(wide) + 1 + wide[flexible]))
    for row in [head] + rows:
        row = [shorten(cell, wide[i]) if i == flexible else cell for i, cell in enumerate(row)]
        cells = [cell.rjust(wide[i]) if head[i].startswith(" ") else cell.ljust(wide[i]) for i, cell in enumerate(row)]
        say(" ".join(cells).rstrip())


def permille(part, whole):
    value = part * 1000 // whole if whole else 0
    return "%d.%d%%" % (value // 10, value % 10)


def fragmentation(heap):
    """1 - largest / free: how much of what is free cannot be had in one piece, in percent."""
    free, largest = 4 * heap.context.free_words, heap.largest_free()
    return "%d%%" % (max(0, free - largest) * 100 // free if free else 0)


def say_heaps(found):
    rows = []
    for heap in found:
        peak = (heap.end - heap.context.first - heap.context.free_lowest) & 0xffffffff
        rows.append([heap.position, heap.name, "%#x" % heap.address, 4 * heap.end, 4 * heap.used(), 4 * peak,
                     4 * heap.context.free_words, heap.largest_free(), fragmentation(heap)])
    table(["", "heap", "at", " size", " used", " peak", " free", " largest", " frag"], rows, 1)


def title(heap, text):
    say("")
    say("%s of heap %s%#x" % (text, shorten(heap.name, 40) + " at " if heap.name else "", heap.address))


def holdings(heap):
    """What each owner holds, the largest first; then nobody, and the heap's own records."""
    modules = [(o, heap.name_of(o), heap.module(o).holding) for o in heap.owners()]
    modules.sort(key=lambda m: -m[2].live)
    return modules + [(heap.layout.OWNER_NOBODY, "(none)", heap.context.nobody)]


def letters(heap):
    """What a map shows of each owner."""
    layout = heap.layout
    marks = {layout.OWNER_FREE: ".", layout.OWNER_MOVING: "~", layout.OWNER_SYSTEM: "#", layout.OWNER_NOBODY: "?"}
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for number, (owner, _, _) in enumerate(holdings(heap)[:-1]):
        marks[owner] = alphabet[number] if number < len(alphabet) else "+"
    return marks


def say_modules(heap):
    marks, rows = letters(heap), []
    for owner, name, held in holdings(heap):
        leaving = heap.is_leaving(held)
        limit = "leaving" if leaving else "-" if held.ceiling == heap.layout.CEILING_NONE else 4 * (held.ceiling - 1)
        rows.append([marks[owner], name, 4 * held.live, permille(held.live, heap.used()), held.blocks,
                     4 * (held.live if leaving else held.peak), limit])
    own = heap.context.system
    rows.append(["#", "(heap)", 4 * own.live, "-", own.blocks, "-", "-"])
    table(["", "module", " bytes", " share", " blocks", " peak", " limit"], rows, 1)


def say_free(heap):
    """How many free blocks there are of each size: by powers of two."""
    sizes = {}
    for block in heap.blocks:
        if block.owner == heap.layout.OWNER_FREE and block.size != 0:
            count(sizes, block.bytes.bit_length() - 1, 1, block.size)
    rows = [["%d.." % (1 << log2), sizes[log2][0], 4 * sizes[log2][1],
             "*" * min(40, max(1, 40 * sizes[log2][1] // max(1, heap.context.free_words)))] for log2 in sorted(sizes)]
    table([" free blocks", " count", " bytes", ""], rows, 3)


def say_blocks(heap, blocks):
    guard = heap.layout.IMAGE_GUARD
    columns = 5 if guard else 4
    rows = [["%#x" % block.address, block.usable(), block.bytes, shorten(block.use(), 20 if guard else WIDTH),
             place_of(block.caller())][:columns] for block in blocks]
    table(["payload", " size", " bytes", "owner", "allocated by"][:columns], rows, columns - 1)


def place_of(caller):
    """Function and line of a call, from the address behind it; a set lowest bit is no part of that."""
    if caller == 0:
        return ""
    address = (caller & ~1) - 1
    line, block = gdb.find_pc_line(address), gdb.block_for_pc(address)
    while block is not None and block.function is None:
        block = block.superblock
    if block is None:
        symbol = gdb.execute("info symbol %#x" % address, to_string=True).split(" in section")[0].strip()
        return "%#x" % caller if symbol.startswith("No symbol") else symbol
    where = " at %s:%d" % (line.symtab.filename.rpartition("/")[2], line.line) if line.symtab else ""
    return block.function.print_name + where


def map_lines(heap, lines, wide):
    """A character for each equal part of the heap: of whom most of it is."""
    marks, cells = letters(heap), lines * wide
    shares = [{"#": 0} for _ in range(cells)]
    pieces = [(0, heap.context.first - 1, "#")] + [(b.at - 1, b.at - 1 + b.size, marks.get(b.owner, "!"))
                                                   for b in heap.blocks]
    for begin, end, mark in pieces:
        cell = begin * cells // heap.end
        while begin < end and cell < cells:
            border = max(begin, min(end, -(-(cell + 1) * heap.end // cells)))
            shares[cell][mark] = shares[cell].get(mark, 0) + border - begin
            begin, cell = border, cell + 1
    text = "".join(max(share, key=share.get) for share in shares)
    return [text[i:i + wide] for i in range(0, cells, wide)]


def say_owner(heap, address):
    """What an address in a heap is."""
    at, layout = (address - heap.address) // 4, heap.layout
    block = next((b for b in heap.blocks if b.at - 1 <= at < b.at - 1 + b.size), None)
    if block is None:
        what = "control data" if at < heap.context.first - 1 else "the end mark" if at == heap.end - 1 else \
            "in no block: the heap is damaged here"
        say("%#x: %s of heap %#x" % (address, what, heap.address))
        return
    inside = address - block.address
    where = "the payload" if inside == 0 else "%d bytes into the payload" % inside if inside > 0 else "the header"
    what = {layout.OWNER_FREE: "free", layout.OWNER_SYSTEM: "the heap's own record",
            layout.OWNER_MOVING: "being moved by a realloc"}.get(block.owner, "of " + shorten(block.use(), 40))
    say("%#x: %s at %#x, %s" % (address, where, block.address, what))
    say("  %d bytes usable, %d with header and rounding, in heap %#x" % (block.usable(), block.bytes, heap.address))
    if block.caller():
        say("  allocated by " + shorten(place_of(block.caller()), WIDTH - 15))


def say_check(heap):
    for fault, at in Check(heap).faults():
        where = " at block %#x" % (heap.address + 4 * at) if at else ""
        say("heap %#x: DMHEAP_CHECK_%s%s" % (heap.address, fault, where))
        say("  " + FAULTS[fault])
        front = [b for b in heap.blocks if b.at < at and b.is_users()] if at else []
        if front:
            say("  in front of it: %#x, %d bytes of %s" % (
                front[-1].address, front[-1].usable(), shorten(front[-1].use(), 30)))


# ---- The commands ----


class Prefix(gdb.Command):
    """Looks at dmheap's heaps: who holds what, where, and whether all is well."""

    def __init__(self):
        super().__init__("dmheap", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


def command(action):
    """Makes a command of a function: it is called with the words behind its name."""

    class Command(gdb.Command):
        __doc__ = action.__doc__

        def __init__(self):
            super().__init__("dmheap " + action.__name__[3:], gdb.COMMAND_DATA)

        def invoke(self, text, from_tty):
            self.dont_repeat()
            try:
                action(text.strip())
            except gdb.error as error:
                raise gdb.GdbError(str(error))

    Command()
    return action


Prefix()


def evaluate(text):
    """An expression of the user's; it may not call a function of the program. An array is its address, a text is not."""
    with gdb.with_parameter("may-call-functions", False):
        value = gdb.parse_and_eval(text)
    is_array = value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY
    return value.address if is_array and not text.startswith('"') else value


@command
def do_report(text):
    """Tells of all heaps: figures, modules, free blocks by size, the largest blocks, a map. Figures are bytes.

peak: the most that was used at a time, the heap's own records included. largest: what malloc can grant now.
frag: 1 - largest / free. share: of what is used. In the map each character is of whom most of that part of the heap
is: # the heap itself, . free, ? nobody, a letter: the module with this letter."""
    found = heaps()
    if found:
        say_heaps(found)
    for heap in found:
        title(heap, "Modules")
        say_modules(heap)
        say("")
        say_free(heap)
        say("")
        say_blocks(heap, sorted((b for b in heap.blocks if b.is_users()), key=lambda b: -b.size)[:LARGEST])
        say("")
        say("[%s]" % map_lines(heap, 1, WIDTH - 2)[0])


@command
def do_modules(text):
    """Tells what each module holds, in each heap. Figures are bytes of whole blocks."""
    for heap in heaps():
        title(heap, "Modules")
        say_modules(heap)


@command
def do_blocks(text):
    """Lists the blocks of all heaps, or those of one module: dmheap blocks [MODULE]

size: bytes that can be used, with the guard those asked for. bytes: those of heap that the block takes. The names
(none), (heap), (free) and (moving) can be asked for too."""
    found = heaps()
    names = {name for heap in found for _, name, _ in holdings(heap)}
    if text not in names | {"", "(heap)", "(free)", "(moving)", "(unknown)"}:
        raise gdb.GdbError("There is no module of this name.")
    for heap in found:
        title(heap, "Blocks")
        say_blocks(heap, [b for b in heap.blocks if text in ("", b.use())])


@command
def do_check(text):
    """Verifies every invariant of every heap, as dmheap_check() does, and says what is wrong in its words.

The first that is wrong is what dmheap_check() would return; what comes after it may be a consequence."""
    for heap in heaps():
        say_check(heap)


@command
def do_owner(text):
    """Tells what an address is, and whose: dmheap owner ADDRESS

ADDRESS is an expression; it may lead inside of a block. Where a heap lies in a block of another, both are told."""
    if not text:
        raise gdb.GdbError("Whose? dmheap owner ADDRESS")
    address = int(evaluate(text)) & (1 << 64) - 1
    inside = [h for h in heaps() if 0 <= address - h.address < 4 * h.end]
    for heap in sorted(inside, key=lambda h: -h.address):
        say_owner(heap, address)
    if not inside:
        say("%#x: in no heap" % address)


@command
def do_map(text):
    """Draws each heap, a character for each equal part of it: of whom most of that part is.

# the heap itself, . free, ? nobody, ~ a block on its way, ! no known owner; letters: see below the map."""
    for heap in heaps():
        marks = letters(heap)
        title(heap, "Map")
        lines = max(1, min(16, heap.end // 4 // 64))
        each = 4 * heap.end // lines
        for number, line in enumerate(map_lines(heap, lines, 64)):
            say("%#14x %s" % (heap.address + number * each, line))
        for owner, name, held in holdings(heap):
            if held.live:
                say("%14s %s" % (marks[owner], shorten(name, 60)))


@command
def do_find(text):
    """Finds what is in the heaps, and says whose: dmheap find PATTERN

PATTERN is an expression, and its bytes are looked for at every address: dmheap find "text", dmheap find &buffer
(who points to it), dmheap find (short)0x1234."""
    if not text:
        raise gdb.GdbError("What? dmheap find PATTERN")
    value = evaluate(text)
    if text.startswith('"'):
        pattern = value.string("latin-1").encode("latin-1")
    else:
        size = value.type.sizeof
        pattern = (int(value) & (1 << 8 * size) - 1).to_bytes(size, Layout().order)
    hits = 0
    for heap in heaps():
        at = heap.data.find(pattern) if pattern else -1
        while at >= 0:
            say_owner(heap, heap.address + at)
            hits += 1
            at = heap.data.find(pattern, at + 1)
    say("found %d times" % hits)


@command
def do_save(text):
    """Writes a heap's image, as it is in memory, to a file: dmheap save FILE [HEAP]

HEAP is its name or its address, and needed where there are several."""
    words = gdb.string_to_argv(text)
    found = heaps()
    chosen = [h for h in found if len(words) < 2 or h.name == words[1] or "%#x" % h.address == words[1].lower()]
    if not 1 <= len(words) <= 2 or len(chosen) != 1:
        raise gdb.GdbError("dmheap save FILE [HEAP], HEAP one of: " + ", ".join(
            "%#x%s" % (h.address, " " + h.name if h.name else "") for h in found))
    try:
        with open(words[0], "wb") as file:
            file.write(chosen[0].data)
    except OSError as error:
        raise gdb.GdbError(str(error))
    say("%d bytes of heap %#x in %s" % (len(chosen[0].data), chosen[0].address, words[0]))


class Watch:
    """Looks at what the modules hold while the program runs on; halts a target that cannot be read while it runs."""

    def __init__(self, seconds, looks):
        Layout()  # without it there is nothing to watch
        self.seconds, self.left, self.begin, self.first, self.last = seconds, looks, time.monotonic(), {}, {}
        connection = getattr(gdb.selected_inferior(), "connection", None)
        self.halts = connection is None or connection.type != "native"  # others answer GDB when they are halted
        if self.halts:
            say("This target cannot be read while it runs: it is halted for each look.")

    def run(self):
        self.look()
        while self.left > 0:
            self.halted = False
            self.start_timer()
            try:
                with gdb.with_parameter("suppress-cli-notifications", True):  # of each halt
                    gdb.execute("continue")
            finally:
                self.timer.cancel()
            if not self.halted:  # but by a breakpoint, a signal, Ctrl-C, or its end
                if gdb.selected_thread() is not None:
                    gdb.execute("frame")
                return
            if self.left > 0:
                self.look()

    def start_timer(self):
        self.timer = threading.Timer(self.seconds, gdb.post_event, [self.on_time])
        self.timer.daemon = True
        self.timer.start()

    def on_time(self):
        """Called by GDB while the program runs."""
        if not self.halts:
            self.look()
            if self.left > 0:
                self.start_timer()
                return
        self.halted = True
        gdb.execute("interrupt")

    def look(self):
        begin, now, rows = time.monotonic(), {}, []
        self.left -= 1
        try:
            found = heaps()
        except gdb.GdbError as why:
            say(str(why))  # there may be one at the next look
            return
        for heap in found:
            marks = letters(heap)
            held = [(".", "(free)", heap.context.free_words, heap.context.free_blocks, 0)]
            held += [(marks.get(o, "!"), name, h.live, h.blocks, getattr(heap.module(o), "key", 0))
                     for o, name, h in holdings(heap)]
            for mark, name, live, blocks, key in held:
                now[(heap.address, name, key)] = live
                since = [4 * (live - past.get((heap.address, name, key), 0 if past else live))
                         for past in (self.last, self.first)]
                rows.append([mark, "%#x" % heap.address, name, 4 * live, blocks] + since)
        rows.sort(key=lambda row: (-row[5], -row[6], -row[3]))
        self.last, self.first = now, self.first or now
        say("")
        say("after %.1f s, read in %d ms" % (begin - self.begin, 1000 * (time.monotonic() - begin)))
        say_heaps(found)
        say("")
        table(["", "heap", "module", " bytes", " blocks", " last", " begin"],
              [row[:5] + ["%+d" % row[5], "%+d" % row[6]] for row in rows], 2)
        for heap in found:
            say("%#x" % heap.address)
            say("[%s]" % map_lines(heap, 1, WIDTH - 2)[0])


@command
def do_watch(text):
    """Lets the program run, and tells of heaps and modules again and again: dmheap watch [SECONDS [LOOKS]]

Every second, until Ctrl-C or a breakpoint, if not told otherwise; what grew most is first. last and begin: how many
bytes more that is than at the last look, and the first. Then the map of each heap, with the letters in front of the
modules. A target that cannot be read while it runs is halted for each
look; what is read of a program that runs may be of two moments."""
    words = text.split()
    try:
        Watch(float(words[0]) if words else 1.0, int(words[1]) if len(words) > 1 else sys.maxsize).run()
    except ValueError:
        raise gdb.GdbError("dmheap watch [SECONDS [LOOKS]]")
