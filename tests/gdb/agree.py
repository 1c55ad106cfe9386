"""
Runs in GDB, with dmheap.py and a program debugged.c before its main: stops at each of its moments and compares what the
commands print with what the program says of itself. Prints how many moments it has seen, and "all agree".
"""
import re

import gdb

wrong = 0


def differs(what, theirs, ours):
    global wrong
    if theirs != ours and wrong < 20:
        print("moment %d: %s: the program says %s, the debugger %s" % (moments, what, theirs, ours))
    wrong += theirs != ours


def facts():
    """By heap: what the program says."""
    length = int(gdb.parse_and_eval("facts_length"))
    address = int(gdb.parse_and_eval("&facts[0]"))
    text = bytes(gdb.selected_inferior().read_memory(address, length)).decode("latin-1")
    told = []
    for line in text.split("\n"):
        kind, _, rest = line.partition(" ")
        if kind == "heap":
            told.append({"heap": rest, "module": [], "block": [], "stats": None})
        elif kind in ("module", "block"):
            told[-1][kind].append(rest)
        elif kind:
            told[-1][kind] = rest
    return told


def output(command):
    text = gdb.execute(command, to_string=True)
    for line in text.split("\n"):
        if len(line) > 80:
            differs("%s has a line of more than 80 columns" % command, "", line)
    return text


def by_heap(command):
    """The rows of a table behind the title of each heap."""
    found = {}
    for line in output(command).split("\n"):
        title = re.match(r"\w+ of heap (?:\S+ at )?(0x[0-9a-f]+)$", line)
        if title:
            rows = found[title.group(1)] = []
        elif line and found:
            rows.append(line)
    return {heap: rows[1:] for heap, rows in found.items()}


def number(text):
    """A figure of 32 bits: where a size is damaged, the library counts down from 0, and the debugger says 0."""
    value = int(text) & 0xffffffff
    return 0 if value >= 0xffffff00 else value


def name(text):
    return "".join(c if " " <= c <= "~" else "?" for c in text).strip()


def same_name(theirs, ours):
    front, _, back = ours.partition("~")
    return theirs if "~" in ours and theirs.startswith(front) and theirs.endswith(back) else ours


def compare_blocks(told, rows):
    theirs, ours = [], []
    for said, row in zip(told["block"], rows):
        address, size, taken, owner = said.split(" ", 3)
        owner = (name(owner).split() or [""])[0]  # one that is damaged may have spaces
        theirs.append((address, number(size), number(taken), owner))
        row = row.replace("(unknown)", "(none)").split()  # the library has one word for both
        ours.append((row[0], number(row[1]), number(row[2]), same_name(owner, row[3] if len(row) > 3 else "")))
    differs("how many blocks", len(told["block"]), len(rows))
    differs("blocks", theirs, ours)


def compare_modules(told, rows):
    theirs, ours = [], []
    for said in told["module"]:
        module, live, blocks, peak, limit = said.rsplit(" ", 4)
        theirs.append((name(module), number(live), int(blocks), number(peak), limit))
    for row in rows:
        module, live, _, blocks, peak, limit = row[2:].rsplit(None, 5) if len(row.split()) > 6 else [""] + row.split()[1:]
        if peak != "-" and module != "(none)":
            module = next((t[0] for t in theirs if same_name(t[0], module) == t[0]), module)
            ours.append((module, number(live), int(blocks), number(peak), "-" if limit == "leaving" else limit))
    theirs = [t[:4] + (str(number(t[4])) if t[4] != "-" else "-",) for t in theirs]
    ours = [o[:4] + (str(number(o[4])) if o[4] != "-" else "-",) for o in ours]
    differs("modules", sorted(theirs), sorted(ours))


def report_of(heap, report):
    """The rows of a heap's part of the report: modules, free blocks by size, the largest blocks, the map."""
    title = next(i for i, line in enumerate(report) if re.match("Modules of heap .*%s$" % heap, line))
    return [part.strip("\n").split("\n") for part in "\n".join(report[title + 1:]).split("\n\n")[:4]]


def compare_report(told, report):
    """What the parts of a sound heap's report make of the figures of the program."""
    modules, free, largest, drawn = report_of(told["heap"], report)
    drawn = drawn[0]
    size, used = [number(n) for n in told["stats"].split()[:2]]
    blocks = [(int(a, 16), int(n), int(taken), owner) for a, n, taken, owner in (b.split(" ", 3) for b in told["block"])]
    letters = {"(heap)": "#", "(free)": "."}
    for row in modules[1:]:
        live, share, _, _, _ = row.rsplit(None, 5)[-5:]
        named = [owner for _, _, _, owner in blocks if same_name(owner, row[2:].split()[0]) == owner]
        letters.update((owner, row[0]) for owner in named)
        if share != "-":
            tenths = int(live) * 1000 // used
            differs("share", "%d.%d%%" % (tenths // 10, tenths % 10), share)
    sizes = {}
    for _, _, taken, owner in blocks:
        if owner == "(free)":
            least = 1 << taken.bit_length() - 1
            sizes.setdefault(least, []).append(taken)
    differs("free blocks by size", [("%d.." % n, str(len(sizes[n])), str(sum(sizes[n]))) for n in sorted(sizes)],
            [tuple(row.split()[:3]) for row in free[1:]])
    users = sorted((b for b in blocks if b[3] not in ("(heap)", "(free)")), key=lambda b: -b[2])[:8]
    differs("the largest blocks", ["%#x %d %d" % b[:3] for b in users], [" ".join(r.split()[:3]) for r in largest[1:]])
    for address, _, taken, owner in blocks:  # cells that a block has for itself
        begin, cells = address - 4 - int(told["heap"], 16), len(drawn) - 2
        own = range(-(-begin * cells // size), (begin + taken) * cells // size)
        differs("the map", letters[owner] * len(own), drawn[1:-1][own.start:own.start + len(own)])
    differs("the map's width", 80, len(drawn))


def compare_check(told, lines):
    """The first fault that is said of this heap is the one that the library found."""
    code, where = told["check"].split()
    fault = next(line for line in lines if line.startswith("heap %s: DMHEAP_CHECK_" % told["heap"]))
    words = fault.replace(":", "").split()
    codes = {f.name: f.enumval for f in gdb.lookup_type("dmheap_check_t").strip_typedefs().fields()}
    differs("the check", (int(code), int(where, 16)), (codes[words[2]], int(words[-1], 16) if "at block" in fault else 0))


def compare():
    checked = output("dmheap check").split("\n")
    report, blocks, modules = output("dmheap report").split("\n"), by_heap("dmheap blocks"), by_heap("dmheap modules")
    output("dmheap map")
    told_heaps = facts()
    differs("whether there is a heap", bool(told_heaps), True)
    for told in told_heaps:
        compare_check(told, checked)
        if told["stats"] is None:  # the library tells no more of a heap that is not sealed
            differs("whether it is sealed", True, any("DMHEAP_CHECK_GEOMETRY" in line for line in checked))
            continue
        row = next((line for line in report if " %s " % told["heap"] in line), "no line")
        figures = [number(n) for n in told["stats"].split()]
        free, largest = figures[3:]
        ours = row.split(told["heap"] + " ")[-1].split()
        differs("figures", figures, [number(n) for n in ours[:-1]])
        if told["check"] == "0 0":
            differs("fragmentation", "%d%%" % ((free - largest) * 100 // free), ours[-1])
            compare_report(told, report)
        compare_blocks(told, blocks.get(told["heap"], []))
        compare_modules(told, modules.get(told["heap"], []))


def is_at_moment():
    """Whether the program stopped at a moment, not at its end."""
    try:
        return gdb.selected_frame().name() == "moment"
    except gdb.error:
        return False


gdb.execute("set height 0")
gdb.execute("set width 0")
goes_on = bool(gdb.breakpoints())  # there is none in a core file
moments, more = 0, True
while more:
    moments += 1
    try:
        compare()
    except gdb.error as error:
        differs("what to print", "", error)
    if goes_on:
        gdb.execute("continue", to_string=True)
    more = goes_on and is_at_moment()
print("%d moments, %s" % (moments, "%d differences" % wrong if wrong else "all agree"))
