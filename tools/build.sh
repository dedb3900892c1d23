#!/usr/bin/env bash
# Configures and builds a preset (default: release). More arguments go to the build tool: tools/build.sh release fovea
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
shift || true
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" --parallel "$(nproc)" ${1:+--target "$@"}
