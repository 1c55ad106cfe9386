#!/usr/bin/env python3
# Compares what a program said of its heaps with what the tool says of their memory.
#   compare.py SAID SHOWN BASE
# SAID: the output of image.c; SHOWN: `dmheap report --json` and `dmheap blocks --json`; BASE: the address that the tool gives
# to image_memory, "said": the one that the program says.
import json
import sys

heaps, memory = [], 0
for line in open(sys.argv[1], encoding="latin-1"):
    words = line.rstrip("\n").split(" ")
    if words[0] == "memory":
        memory = int(words[1])
    elif words[0] == "heap":
        heaps.append({"figures": [int(word) for word in words[1:]], "modules": {}, "blocks": []})
    elif words[0] == "module":
        heaps[-1]["modules"][words[1]] = [int(word) for word in words[2:]]
    elif words[0] == "block":
        heaps[-1]["blocks"].append((int(words[1]), int(words[2]), int(words[3]), words[4], words[5], int(words[6])))
assert len(heaps) == 2, "the program said nothing of its heaps"
base = memory if sys.argv[3] == "said" else int(sys.argv[3], 0)

shown = [json.loads(line) for line in open(sys.argv[2])]
problems = []


def same(what, one, other):
    if one != other:
        problems.append(f"{what}: the program says {one}, the tool {other}")


found = [row for row in shown if row["kind"] == "heap"]
same("heaps", len(heaps), len(found))
for row in shown:
    if row["kind"] == "check":
        same("check of " + row["heap"], (None, None), (row["fault"], row["note"]))
for number, (heap, row) in enumerate(zip(heaps, found)):
    keys = ["size", "used", "peak", "free", "largest", "overhead", "used_blocks", "free_blocks", "modules"]
    same("name", ['main "heap"', ""][number], row["name"])
    same("figures", heap["figures"], [int(row["heap"], 16) - base] + [row[key] for key in keys] + [0])
    modules = {
        other["name"]: [other["bytes"], other["blocks"], other["peak"], -1 if other["limit"] is None else other["limit"]]
        for other in shown
        if other["kind"] == "module" and other["heap"] == row["heap"]
    }
    same("modules", heap["modules"], modules)
    held = sum(other["bytes"] for other in shown if other["kind"] in ("module", "nobody") and other["heap"] == row["heap"])
    same("what modules hold", heap["figures"][2], held)
    free = sum(other["bytes"] for other in shown if other["kind"] == "free" and other["heap"] == row["heap"])
    same("what is free", heap["figures"][4], free)
    # the map: of each cell how much is free
    words, blocks = heap["figures"][1] // 4, [block for block in heap["blocks"] if block[3] == "free"]
    free_words, start, cell = set(), heap["figures"][0], -(-words // 64)
    for at, size, *_ in blocks:
        free_words.update(range((at - start) // 4 - 1, (at - start + size) // 4 - 1))
    drawn = ""
    for at in range(0, words, cell):
        width = min(cell, words - at)
        used = width - sum(word in free_words for word in range(at, at + width))
        drawn += "." if used == 0 else "#" if used == width else ":" if 2 * used <= width else "+"
    same("map", drawn, [other["cells"] for other in shown if other["kind"] == "map"][number])
blocks = [
    (int(row["address"], 16) - base, row["bytes"], row["size"], row["use"], row["owner"], int(row.get("caller", "0"), 16))
    for row in shown
    if row["kind"] == "block"
]
said = [block for heap in heaps for block in heap["blocks"]]
listed = blocks[-len(said):]  # behind the largest ones of the reports
same("number of blocks", len(said), len(listed))
for one, other in zip(said, listed):
    same("block", one, other)
largest = {block for block in said if block[3] == "live"}
for block in blocks[: -len(said)]:
    if block not in largest:
        problems.append(f"no such block: {block}")
print(f"{len(found)} heaps, {len(blocks)} blocks compared")
print("\n".join(problems[:20]))
sys.exit(bool(problems))
