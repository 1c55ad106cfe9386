#!/usr/bin/env python3
# Compares what a program said of its heaps at the end of a trace with what the tool makes of the trace.
#   compare_trace.py SAID SHOWN
import json
import sys

said, memory, heaps = {}, 0, []
for line in open(sys.argv[1], encoding="latin-1"):
    words = line.rstrip("\n").split(" ")
    if words[0] == "memory":
        memory = int(words[1])
    elif words[0] == "heap":
        heaps.append([memory + int(words[1]), int(words[2]), 0])
    elif words[0] == "block" and words[4] != "free":
        heaps[-1][2] += int(words[2])
        name = words[5] if words[4] == "live" else "own"
        held = said.setdefault(name, [0, 0])
        held[0] += int(words[2])
        held[1] += 1
shown = [json.loads(line) for line in open(sys.argv[2])]
held = {}
for row in shown:
    if row["kind"] in ("module", "nobody", "own"):
        name = {"nobody": "", "own": "own"}.get(row["kind"], row["name"])
        both = held.setdefault(name, [0, 0])
        both[0] += row["bytes"]
        both[1] += row["blocks"]
found = [[int(row["heap"], 16), row["size"], row["used"]] for row in shown if row["kind"] == "heap"]
whole, = [row for row in shown if row["kind"] == "trace"]
held = {name: both for name, both in held.items() if both != [0, 0]}
print(said, held, heaps, found, whole)
sys.exit(not (said and said == held and heaps == found and whole["lost"] == whole["unknown"] == 0))
