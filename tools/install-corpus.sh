#!/usr/bin/env bash
# Installs a corpus named in corpora/manifest.json and prints the folder of its documents: tools/install-corpus.sh sqlite3-doc
# Without an argument: lists the corpora.
set -euo pipefail
cd "$(dirname "$0")/.."

field() {  # field NAME KEY: one value out of the manifest
  python3 - "$1" "$2" <<'PYTHON'
import json, sys
corpora = json.load(open("corpora/manifest.json", encoding="utf-8"))["corpora"]
print(next((c[sys.argv[2]] for c in corpora if c["name"] == sys.argv[1]), ""))
PYTHON
}

if [[ $# -eq 0 ]]; then
  python3 - <<'PYTHON'
import json
for c in json.load(open("corpora/manifest.json", encoding="utf-8"))["corpora"]:
    print(f'{c["name"]:16} {c["licence"]:26} {c["description"]}')
PYTHON
  exit 0
fi

package=$(field "$1" package)
path=$(field "$1" path)
page=$(field "$1" page)
[[ -n $package ]] || { echo "install-corpus.sh: no corpus \"$1\"; without an argument it lists them" >&2; exit 2; }

# Another package may own the folder, and a minimal Debian image leaves all but the copyright out of it when a package is
# installed: only a page of the documentation says that it is there.
[[ -f $path/$page ]] || tools/install-packages.sh "$package" >&2
if [[ ! -f $path/$page ]]; then
  unpacked=${XDG_DATA_HOME:-$HOME/.local/share}/fovea/corpora/$1
  if [[ ! -f $unpacked$path/$page ]]; then
    download=$(mktemp -d)
    trap 'rm -rf "$download"' EXIT
    chmod 755 "$download"
    (cd "$download" && apt-get download -q "$package" >&2)
    mkdir -p "$unpacked"
    dpkg-deb -x "$download"/*.deb "$unpacked"
  fi
  path=$unpacked$path
  [[ -f $path/$page ]] || { echo "install-corpus.sh: $package holds no ${path#"$unpacked"}/$page" >&2; exit 1; }
fi
echo "$path"
