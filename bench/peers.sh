#!/usr/bin/env bash
# Measures fovea beside the peers on this machine: ONNX Runtime, llama.cpp, faiss-cpu and a Python loop of them. Prints a
# Markdown table of figures and ratios (docs/performance.md holds one). Needs a release build; nothing else may run meanwhile.
# For avx2 the peers are held to AVX2 as fovea is, so that the figures stand for machines without AVX-512.
#
#   bench/peers.sh [--only embed|generate|vectors|index …] [--threads N …] [--isa NAME …] [--rounds N]
#
# The peers' environment and the texts are made once, in build/peers.
set -euo pipefail
cd "$(dirname "$0")/.."

models=${FOVEA_MODELS:-${XDG_DATA_HOME:-$HOME/.local/share}/fovea/models}
encoder=$models/all-MiniLM-L6-v2
generator=$models/SmolLM2-135M-Instruct.Q4_1.gguf
work=build/peers
peers=bench/peers

tools/fetch-models.sh >&2
tools/build.sh release >&2
mkdir -p "$work"
if [[ ! -f $work/venv/ready ]]; then
  python3 -m venv "$work/venv"
  # llama-cpp-python is compiled here, for this CPU.
  "$work/venv/bin/pip" install -q -r "$peers/requirements.txt" >&2
  touch "$work/venv/ready"
fi
if [[ ! -f $work/avx2/ready ]]; then
  "$work/venv/bin/python" "$peers/hold_to_avx2.py" "$work/avx2"
  CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON" \
    "$work/venv/bin/pip" install -q --no-deps --no-cache-dir --target "$work/avx2" "$(grep llama "$peers/requirements.txt")" >&2
  touch "$work/avx2/ready"
fi
[[ -f $work/encoder.onnx ]] || "$work/venv/bin/python" "$peers/make_onnx.py" "$encoder" "$work/encoder.onnx"
[[ -f $work/paragraphs.txt ]] || "$work/venv/bin/python" "$peers/paragraphs.py" "$(tools/install-corpus.sh sqlite3-doc)" "$work"

isas=(avx2)
grep -q avx512_vnni /proc/cpuinfo && isas+=(avx512_vnni)
exec "$work/venv/bin/python" "$peers/compare.py" --work "$work" --build build/release --encoder "$encoder" \
  --generator "$generator" --isa "${isas[@]}" "$@"
