#!/usr/bin/env python3
# Compares what ms_print and heaptrack_print say of an exported trace, and what is in the JSON for Perfetto, with what the
# tool's report says of the trace. The JSON must be as the format has it.
#   compare_export.py PREFIX
import json
import re
import sys

prefix = sys.argv[1]
report = [json.loads(line) for line in open(prefix + ".report")]
events = [json.loads(line) for line in open(prefix + ".events")]
of = {}
for row in report:
    of.setdefault(row["kind"], []).append(row)
count = {row["op"]: row["count"] for row in of["events"]}
holders = of.get("module", []) + of.get("nobody", []) + of.get("own", [])
held = sum(row["bytes"] for row in holders)

# Massif: the peak of all heaps together, from the events; the end, from the report
live, peak = {}, 0
for row in events:
    if row["op"] in ("free", "left", "realloc"):
        live.pop(row["address"], None)
    if row["op"] in ("malloc", "is_block"):
        live[row["address"]] = row["bytes"]
    if row["op"] == "realloc":
        live[row["new_address"]] = row["bytes"]
    if row["op"] in ("malloc", "is_block", "realloc"):
        peak = max(peak, sum(live.values())) if len(events) < 20000 else None
rows = [[int(field.replace(",", "")) for field in line.split()] for line in open(prefix + ".ms_print")
        if re.match(r"^ *[0-9]+ +[0-9,]+ +[0-9,]+ +[0-9,]+ +[0-9,]+ +0$", line)]
highest = max(row[2] for row in rows)
assert rows[-1][2] == held, (rows[-1], held)
if len(of["heap"]) == 1:
    assert highest == of["heap"][0]["peak"], (highest, of["heap"])
if peak is not None:
    assert highest == peak, (highest, peak)
assert all(row[2] == row[3] + row[4] for row in rows), rows
assert 1 <= len(rows) <= 102 and "(module)" in open(prefix + ".ms_print").read()

useful, modules, callers = [], [], []
for line in open(prefix + ".massif"):
    if line.startswith("mem_heap_B="):
        useful.append(int(line.split("=")[1]))
        modules.append(0)
        callers.append(0)
    module, caller = re.match(r"^ n[0-9]+: ([0-9]+) ", line), re.match(r"^  n0: ([0-9]+) ", line)
    modules[-1:] = [modules[-1] + int(module.group(1))] if module else modules[-1:]
    callers[-1:] = [callers[-1] + int(caller.group(1))] if caller else callers[-1:]
assert useful == modules == callers, (useful, modules, callers)

# heaptrack: how many blocks came, and how many bytes stay, as Massif has them
said = open(prefix + ".heaptrack_print").read()
calls = int(re.search(r"^calls to allocation functions: ([0-9]+)", said, re.M).group(1))
assert calls == sum(count.get(op, 0) for op in ("malloc", "realloc", "retag", "is_block")), (calls, count)
number, unit = re.search(r"^total memory leaked: ([0-9.]+)([A-Z]+)", said, re.M).groups()
leaked = float(number) * {"B": 1, "K": 1000, "KB": 1000, "M": 1e6, "MB": 1e6}[unit]
assert abs(leaked - rows[-1][3]) <= max(10, 0.01 * leaked), (leaked, rows[-1])

# Perfetto: the format; counters end with what the report says, and instants are as many
top = json.load(open(prefix + ".perfetto"))
assert set(top) == {"displayTimeUnit", "traceEvents"}, top.keys()
last, time, instants, names = {}, 0, 0, {}
for row in top["traceEvents"]:
    assert type(row["pid"]) is int and row["pid"] >= 1 and type(row["name"]) is str and row["name"], row
    assert type(row["ts"]) in (int, float) and type(row["args"]) is dict and row["tid"] == 0, row
    if row["ph"] == "M":
        assert row["name"] in ("process_name", "process_labels"), row
        names[row["pid"]] = row["args"].get("name")
        continue
    assert row["ts"] >= time, (row, time)
    time = row["ts"]
    if row["ph"] == "C":
        assert list(row["args"]) == ["bytes"] and row["args"]["bytes"] >= 0, row
        last[row["pid"], row["name"]] = row["args"]["bytes"]
    else:
        assert row["ph"] == "i" and row["s"] == "p" and row["name"].split()[0] in ("load", "unload", "refused"), row
        instants += 1
assert len(names) == max(1, len(of["heap"])), names
assert instants == sum(count.get(op, 0) for op in ("register", "unregister", "refused")), (instants, count)
by_heap = sorted(sum(bytes for (heap, _), bytes in last.items() if heap == pid) for pid in names)
assert by_heap == sorted(row["used"] for row in of["heap"]), (last, of["heap"])
ends = {}
for (_, name), bytes in last.items():
    ends[name] = ends.get(name, 0) + bytes
said = {}
for row in holders:
    said[row["name"] or "(unknown)"] = said.get(row["name"] or "(unknown)", 0) + row["bytes"]
assert {k: v for k, v in ends.items() if v} == {k: v for k, v in said.items() if v}, (ends, said)
print(peak, highest, held, calls, leaked, instants)
