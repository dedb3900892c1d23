#!/usr/bin/env python3
"""Writes logits.json, logits.f16 and logit_projections.f32 beside this script: what a NumPy forward pass in f32 over the
dequantised weights of a Llama-type GGUF file makes of a few prompts.

usage: make_logit_goldens.py MODEL.gguf

- logits.json: per prompt its ids, the top token after each position, and the positions of which all logits are kept.
- logits.f16: those logits, [kept positions, V] little-endian binary16, prompt after prompt.
- logit_projections.f32: of every position, the logits projected on 64 random directions: P[j] = sum over v of s(v, j) * logit[v],
  where s(v, j) is 1 if bit j of splitmix64(v) is set, else -1. A difference of two logit vectors keeps its length under the
  projection to within 20 %, so that 256 bytes a position stand for the 49,152 logits.

Needs the Python packages numpy, gguf and llama-cpp-python (whose tokenizer gives the ids).
"""

import json
import pathlib
import sys

import gguf
import llama_cpp
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
KEPT = 3  # Positions a prompt whose logits are kept whole.

PROMPTS = [
    ("prose", "The lighthouse keeper climbed the stairs every evening before sunset. On the ninth of March the lamp "
              "would not light, and he walked down to the village to ask for oil. Nobody had any, but the baker lent him "
              "a lantern; that night three ships passed the cape by its small yellow flame, and all of them came home."),
    ("code", "int Sum(const int* values, int count) {\n  int total = 0;\n  for (int i = 0; i < count; ++i) {\n"
             "    total += values[i];\n  }\n  return total;\n}\n\nint main() {\n"),
    ("chat", "<|im_start|>system\nYou answer in one sentence.<|im_end|>\n<|im_start|>user\nWhich river flows through "
             "Vienna?<|im_end|>\n<|im_start|>assistant\n"),
    ("unicode", "Zürich, 24 °C – “naïve” café; Москва и 東京 🚀👩‍🚀 costs €1,299.50 in 2024.\t\n\n  π ≈ 3.14159"),
]


class Llama:
    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        field = lambda key: reader.get_field(key).contents()
        self.layers = field("llama.block_count")
        self.heads, self.kv_heads = field("llama.attention.head_count"), field("llama.attention.head_count_kv")
        self.epsilon = np.float32(field("llama.attention.layer_norm_rms_epsilon"))
        self.base, self.rotated = field("llama.rope.freq_base"), field("llama.rope.dimension_count")
        self.weights = {t.name: gguf.dequantize(t.data, t.tensor_type).astype(np.float32) for t in reader.tensors}

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.epsilon) * self.weights[name]

    def rotate(self, x):
        """x [T, heads, Dh]: pairs (2i, 2i + 1) turned by t * base^(-2i / rotated)."""
        angle = np.arange(len(x))[:, None] * self.base ** (-np.arange(0, self.rotated, 2) / self.rotated)
        cosine, sine = (f(angle).astype(np.float32)[:, None, :] for f in (np.cos, np.sin))
        even, odd = x[..., 0:self.rotated:2], x[..., 1:self.rotated:2]
        out = x.copy()
        out[..., 0:self.rotated:2], out[..., 1:self.rotated:2] = even * cosine - odd * sine, even * sine + odd * cosine
        return out

    def attend(self, x, at):
        tokens = len(x)
        q, k, v = ((x @ self.weights[f"{at}attn_{n}.weight"].T).reshape(tokens, h, -1)
                   for n, h in (("q", self.heads), ("k", self.kv_heads), ("v", self.kv_heads)))
        q, k = self.rotate(q), self.rotate(k)
        k, v = (np.repeat(m, self.heads // self.kv_heads, axis=1) for m in (k, v))
        scores = np.einsum("qhd,khd->hqk", q, k) / np.float32(np.sqrt(q.shape[-1]))
        scores = np.where(np.tri(tokens, dtype=bool), scores, np.float32(-np.inf))
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        return np.einsum("hqk,khd->qhd", scores, v).reshape(tokens, -1) @ self.weights[at + "attn_output.weight"].T

    def logits(self, ids):
        x = self.weights["token_embd.weight"][ids]
        for layer in range(self.layers):
            at = f"blk.{layer}."
            x = x + self.attend(self.norm(x, at + "attn_norm.weight"), at)
            n = self.norm(x, at + "ffn_norm.weight")
            gate, up = n @ self.weights[at + "ffn_gate.weight"].T, n @ self.weights[at + "ffn_up.weight"].T
            x = x + (gate / (1 + np.exp(-gate)) * up) @ self.weights[at + "ffn_down.weight"].T
        head = self.weights.get("output.weight", self.weights["token_embd.weight"])
        logits = self.norm(x, "output_norm.weight") @ head.T
        assert logits.dtype == np.float32
        return logits


def directions(vocabulary):
    """[V, 64] of 1 and -1: the bits of splitmix64(v)."""
    with np.errstate(over="ignore"):
        z = np.arange(1, vocabulary + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z = z ^ z >> np.uint64(31)
    return (z[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).astype(np.float64) * 2 - 1


def main():
    model = Llama(sys.argv[1])
    tokenizer = llama_cpp.Llama(sys.argv[1], vocab_only=True, verbose=False)
    signs = directions(len(model.weights["token_embd.weight"]))
    prompts, kept, projections = [], [], []
    for name, text in PROMPTS:
        ids = tokenizer.tokenize(text.encode(), add_bos=False, special=True)
        logits = model.logits(np.array(ids))
        positions = [round(i * (len(ids) - 1) / (KEPT - 1)) for i in range(KEPT)]
        prompts.append({"name": name, "ids": ids, "top": logits.argmax(-1).tolist(), "kept": positions})
        kept.append(logits[positions])
        projections.append(logits.astype(np.float64) @ signs)
    (HERE / "logits.json").write_text(json.dumps(prompts, separators=(",", ":")) + "\n")
    (HERE / "logits.f16").write_bytes(np.concatenate(kept).astype("<f2").tobytes())
    (HERE / "logit_projections.f32").write_bytes(np.concatenate(projections).astype("<f4").tobytes())
    print(sum(len(p["ids"]) for p in prompts), "positions")


if __name__ == "__main__":
    main()
