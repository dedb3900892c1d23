#!/usr/bin/env bash
# Installs the Debian 12 packages that building, testing and the quickstart need; does nothing when they are there.
# More packages (a corpus, say) can be given as arguments.
set -euo pipefail

packages=(
  build-essential cmake ninja-build pkg-config ccache
  libfaiss-dev libopenblas-pthread-dev libeigen3-dev libsqlite3-dev libboost-program-options-dev
  libgtest-dev libgmock-dev libbenchmark-dev nlohmann-json3-dev libspdlog-dev libgumbo-dev libuchardet-dev
  libutf8proc-dev libxxhash-dev libsimde-dev
  python3 python3-pip xxhash
  "$@"
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || {
    echo "install-packages.sh: run as root (or install sudo) to install: ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi
echo "Installing Debian packages: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# A shared machine's package manager may be busy for a moment: wait rather than fail.
apt=("${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
"${apt[@]}" update -q >/dev/null
"${apt[@]}" install -y -q --no-install-recommends "${missing[@]}" >/dev/null
