#!/usr/bin/env python3
"""Writes blocks.json beside this script: random blocks of every GGUF weight type that can be read, and what the gguf Python
package dequantises them to.

usage: make_block_goldens.py

Per type: "bytes", 512 weights as a file stores them, and "values", the 512 numbers in f32; both in hexadecimal, little-endian.

Needs the Python packages numpy and gguf.
"""

import json
import pathlib

import gguf
import numpy as np

WEIGHTS = 512
# Where a block has its halves: their random bits could be infinite.
HALVES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2],
          "Q6_K": [208]}


def main():
    random = np.random.default_rng(1)
    goldens = {}
    for name, places in HALVES.items():
        kind = gguf.GGMLQuantizationType[name]
        weights, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (WEIGHTS // weights, size), dtype=np.uint8)
        for place in places:
            halves = random.normal(0, 0.01, len(blocks)).astype("<f2")
            blocks[:, place:place + 2] = halves.view(np.uint8).reshape(-1, 2)
        values = gguf.dequantize(blocks.reshape(1, -1), kind).astype("<f4")
        goldens[name] = {"bytes": blocks.tobytes().hex(), "values": values.tobytes().hex()}
    path = pathlib.Path(__file__).resolve().parent / "blocks.json"
    path.write_text(json.dumps(goldens, indent=0) + "\n")


if __name__ == "__main__":
    main()
