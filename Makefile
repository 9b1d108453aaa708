# Everyday commands. Meson builds, script/test tests; this is the list of them.
.DEFAULT_GOAL := help

help:   ## this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t10

build:  ## compile into build/: build/parley, build/parley-bench
	@test -f build/build.ninja || meson setup build
	@meson compile -C build

check:  ## unit and conformance tests
	@script/test unit

asan:   ## the same and the corpora of the fuzzers, under ASan + UBSan
	@script/test asan

tsan:   ## unit and conformance tests under TSan
	@script/test tsan

fuzz:   ## every fuzzer for FUZZ_SECONDS (default 600)
	@script/test fuzz

cover:  ## line coverage of src and bench, by file
	@script/test cover

fmt:    ## format in place
	@git ls-files '*.[ch]' | xargs clang-format -i

lint:   ## format, spelling, layers, clang-tidy, cppcheck
	@script/test format layers tidy

deb:    ## a Debian package in dist/, with its checksum and its SBOM
	@script/package

clean:  ## remove every build folder
	rm -rf build build-* dist

.PHONY: help build check asan tsan fuzz cover fmt lint deb clean
