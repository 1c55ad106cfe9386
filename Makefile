# dmheap without CMake. `make help` lists what there is.
CC      ?= cc
AR      ?= ar
CFLAGS  ?= -O2
BUILD   := build/make
SOURCES := src/dmheap.c port/hosted/dmod_port.c
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
FLAGS   := -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Iinclude -Iport/include

.PHONY: all demo example sqlite lua firmware tool test test-all verify targets cost bench figures coverage docs amalgamation format lint clean \
    help

all: libdmheap.a ## build libdmheap.a for this machine

libdmheap.a: $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c $(wildcard include/*.h src/*.[ch] port/include/*.h)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) -c $< -o $@

demo: ## build and run the demo: modules loaded, run and unloaded at run time
	@cmake -S examples/dynamic_modules -B build/demo > build/demo.log 2>&1 || { cat build/demo.log; exit 1; }
	@cmake --build build/demo >> build/demo.log 2>&1 || { cat build/demo.log; exit 1; }
	@./build/demo/dynamic_modules build/demo

example: ## build and run examples/embedded_system
	@cmake -S examples/embedded_system -B build/example > build/example.log 2>&1 || { cat build/example.log; exit 1; }
	@cmake --build build/example >> build/example.log 2>&1 || { cat build/example.log; exit 1; }
	@./build/example/embedded_system

sqlite: ## build and run examples/sqlite: SQLite on dmheap (needs libsqlite3-dev)
	@cmake -S examples/sqlite -B build/sqlite > build/sqlite.log 2>&1 || { cat build/sqlite.log; exit 1; }
	@cmake --build build/sqlite >> build/sqlite.log 2>&1 || { cat build/sqlite.log; exit 1; }
	@./build/sqlite/sqlite

lua: ## build and run examples/lua: scripts as modules with limits (needs liblua5.4-dev)
	@cmake -S examples/lua -B build/lua > build/lua.log 2>&1 || { cat build/lua.log; exit 1; }
	@cmake --build build/lua >> build/lua.log 2>&1 || { cat build/lua.log; exit 1; }
	@./build/lua/lua

tool: ## build build/tool/dmheap, which looks at heaps in RAM dumps, core files and traces
	@cmake -S tools -B build/tool > build/tool.log 2>&1 || { cat build/tool.log; exit 1; }
	@cmake --build build/tool >> build/tool.log 2>&1 || { cat build/tool.log; exit 1; }
	@echo build/tool/dmheap

demo example sqlite lua tool: | build
build:
	@mkdir -p build

test: ## install what is missing of gcc, cmake and cmocka, and run the tests that need no more
	@scripts/install-tools short
	@scripts/test short

test-all: ## install every tool that the tests need, and run them all
	@scripts/install-tools
	@scripts/test

verify: ## the long runs: explorers to many states, fuzzers for minutes
	@scripts/install-tools
	@scripts/test verify

firmware: | build ## build and run examples/firmware_cortex_m in an emulator; talk to it on this terminal
	@cmake -S examples/firmware_cortex_m -B build/firmware > build/firmware.log 2>&1 || { cat build/firmware.log; exit 1; }
	@cmake --build build/firmware >> build/firmware.log 2>&1 || { cat build/firmware.log; exit 1; }
	@cmake --build build/firmware --target emulate

targets: ## run the suite on every target, emulated
	@tests/target/run

cost: ## measure what each function costs on seven processors, and compare with docs/cost.md
	@scripts/cost

bench: ## measure beside other heaps, on fixed work and on real programs' traces: README's table, docs/figures.md, docs/benchmark.html
	@scripts/install-tools
	@scripts/bench --update
	@scripts/benchmark

figures: ## measure on fixed work beside other heaps: the tables of README.md and docs/figures.md
	@scripts/bench

coverage: ## what the tests reach of every line and branch
	@scripts/coverage

docs: ## build the API reference into build/docs (needs doxygen)
	@scripts/docs

amalgamation: ## write the library and its port as two files into build/amalgamation (needs python3)
	@scripts/amalgamate

format: ## format all sources (needs clang-format)
	@scripts/format

lint: ## look for faults with clang-tidy and cppcheck
	@scripts/lint

clean: ## remove all that was built
	rm -rf build libdmheap.a

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12
