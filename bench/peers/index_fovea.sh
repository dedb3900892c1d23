#!/usr/bin/env bash
# Indexes a folder from nothing and searches it once, as index_loop.py does: FOVEA INDEX FOLDER THREADS.
set -euo pipefail
rm -rf "$2"
"$1" index --quiet --index "$2" --threads "$4" "$3" >&2
"$1" search --quiet --index "$2" --threads "$4" --mode hybrid "how are rows of a table stored" >&2
