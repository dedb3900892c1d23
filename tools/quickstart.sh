#!/usr/bin/env bash
# From a fresh Debian 12 machine to cited answers about real documents: installs the packages, fetches the two models,
# builds fovea, indexes the SQLite documentation and asks three questions about it.
#
# The index stays in ./.fovea, so that you can go on:  build/release/tools/fovea ask "…"
set -euo pipefail
cd "$(dirname "$0")/.."

tools/install-packages.sh
tools/fetch-models.sh
tools/build.sh release fovea
documents=$(tools/install-corpus.sh sqlite3-doc)

fovea=build/release/tools/fovea
"$fovea" index "$documents"
for question in \
  "What is the default page size?" \
  "How do I make a partial index?" \
  "What happens to a WAL file when the last connection closes?"; do
  printf '\n\n> %s\n\n' "$question"
  "$fovea" ask "$question"
done
