#!/usr/bin/env bash
# The set-up of tools/quickstart.sh, and a browser; then every test: the include check, the release build with all tests, the
# unit tests under ASan + UBSan and the threaded ones under TSan, installing and linking from outside, and the quickstart itself.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%s)\n' "$1" "$(date +%T)"; }

step "Set-up"
tools/install-packages.sh chromium
tools/fetch-models.sh
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2}

step "Includes follow the layers"
python3 tools/check-includes.py

step "Release build and all tests"
tools/build.sh release
ctest --preset release --parallel 2

step "ASan + UBSan: unit tests"
tools/build.sh asan
ctest --preset asan --parallel 2 --exclude-regex '^e2e'

step "TSan: where threads meet"
tools/build.sh tsan base_test attention_test retriever_test
ctest --preset tsan --tests-regex '^(base_test|attention_test|retriever_test\.(IndexRun|.*IndexPipeline))'

step "Install, then link from outside"
tests/install/run.sh build/release

step "Quickstart"
tools/quickstart.sh | tee build/quickstart.log
grep -q '^\[1\] .*\.html:' build/quickstart.log || { echo "test.sh: the quickstart cited no page of the documentation" >&2; exit 1; }
