#!/usr/bin/env bash
# Installs the build in $1 into a temporary prefix, builds the programs of this folder against it, and runs them.
set -euo pipefail
build=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$here" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/build" >/dev/null
cd "$work"
for program in use_lib use_retriever use_generator; do "build/$program"; done
"$work/prefix/bin/fovea" --help >/dev/null
echo "Installed fovea links and runs from outside."
