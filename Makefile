# A thin front: Meson builds, tests/run tests.  `make help` lists the targets.

RELEASE = build-release
PREFIX ?= /usr/local
BUCKET ?=
SECONDS ?= 30
ARGS ?=

.PHONY: all test demo install release bench fuzz format clean help

## all: set up build/ and compile
all: build/build.ninja
	@meson compile -C build

build/build.ninja:
	@tools/install-deps --check build
	@meson setup build

## test: build and pass all tests, with the servers they need (ARGS='--help' tells how to choose)
test:
	@command -v python3 >/dev/null || tools/install-deps build test
	@tests/run $(ARGS)

## demo: a bucket becomes a table, on this machine; BUCKET=s3://... reads one of yours instead
demo:
	@command -v python3 >/dev/null || tools/install-deps build test
	@tools/demo $(BUCKET)

## install: a release build into PREFIX (/usr/local), below DESTDIR if set
install: release
	@meson install -C $(RELEASE) --no-rebuild

# Meson keeps the prefix that a build directory was set up with until it is told another.
release:
	@tools/install-deps --check build
	@if [ -f $(RELEASE)/build.ninja ]; then meson configure $(RELEASE) --prefix '$(PREFIX)'; \
	else meson setup $(RELEASE) --buildtype release -Dtests=disabled \
	    --prefix '$(PREFIX)'; fi
	@meson compile -C $(RELEASE)

## bench: measure against yardsticks in the same run, write docs/performance.md (ARGS='--help')
bench: release
	@meson compile -C $(RELEASE) bench-programs
	@bench/run.py $(ARGS)

## bench-large: ten million keys, and fifty gigabytes; half an hour
.PHONY: bench-large
bench-large: release
	@bench/run.py --page large $(ARGS)

## bench-peers: the same work by what people use today; installs 2 GB of Python packages, half an hour
.PHONY: bench-peers
bench-peers: release
	@meson compile -C $(RELEASE) bench-programs
	@bench/run.py --page peers $(ARGS)

## fuzz: every fuzzer for SECONDS (30) each, with clang and sanitizers
fuzz:
	@tools/fuzz $(SECONDS)

## soak: simulated worlds for SECONDS (30), from a seed of its own or ARGS='--seed N'
.PHONY: soak mutants
soak: release
	@meson compile -C $(RELEASE) sim
	@$(RELEASE)/tests/sim/sim --seed $$(date +%s)000000 --seconds $(SECONDS) $(ARGS)

## soak-watch: STORMS (100) storms of changes on every event channel, against real servers
.PHONY: soak-watch
STORMS ?= 100
soak-watch:
	@STORMS=$(STORMS) tests/run --integration -- test_watch_storm.py -x $(ARGS)

## soak-real: watch MinIO and moto for SECONDS while they change; memory, descriptors, files, as a picture
.PHONY: soak-real torture
soak-real: export SOAK_SECONDS = $(SECONDS)
soak-real: export SOAK_OUT = $(CURDIR)/build
soak-real:
	@tests/run --integration -- soak_real.py -s $(ARGS)

## torture: every allocation, system call and disk access of each command fails in turn
torture: export TORTURE_POINTS = 0
torture:
	@tests/run --integration -- test_torture.py $(ARGS)

## mutants: plant mistakes; the simulation, and the unit tests, must find each within a minute
mutants: release all
	@tests/sim/mutants.py $(RELEASE) $(ARGS)
	@tests/unit/mutants.py build

## coverage: which lines of src/ the tests run (ARGS=--unit: without the servers); needs gcovr
.PHONY: coverage sbom
coverage:
	@tools/coverage $(ARGS)

## tsan: with the thread sanitizer, all unit tests and those of sync, watch --events and --listen
.PHONY: tsan
tsan:
	@[ -f build-tsan/build.ninja ] || CC=clang meson setup build-tsan -Db_sanitize=thread \
	    -Db_lundef=false -Dbench=disabled
	@meson compile -C build-tsan
	@TSAN_OPTIONS=halt_on_error=1 meson test -C build-tsan --no-rebuild --suite unit -t 3
	@tests/run --built build-tsan -- test_sync.py test_watch_sqs.py test_listen.py -x $(ARGS)

## reference: the library's headers as HTML, by doxygen, into build-reference/html
.PHONY: reference
reference:
	@mkdir -p build-reference
	@doxygen docs/Doxyfile
	@echo build-reference/html/index.html

## sbom: the libraries that a release build needs, as CycloneDX
sbom: release
	@tools/sbom $(RELEASE) $(RELEASE)/bucketable.cdx.json
	@echo $(RELEASE)/bucketable.cdx.json

## deb: the Debian packages, into build-deb/, built and looked at
.PHONY: deb
deb:
	@tools/install-deps build deb
	@tools/make-deb
	@tools/check-deb

## format: clang-format on all C
format:
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

## clean: remove what was built; installed test servers in .cache/ stay
clean:
	@rm -rf build build-*

## help: this list
help:
	@sed -n 's/^## \([a-z-]*\): /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16
