#!/usr/bin/env bash
# Configures and builds a preset (default: release). More arguments go to the build tool: tools/build.sh release fovea
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
shift || true
# Paths relative to the checkout: another checkout of the same sources finds its objects in the compiler cache.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --parallel "$(nproc)" ${1:+--target "$@"}
