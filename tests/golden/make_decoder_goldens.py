#!/usr/bin/env python3
"""Writes decoders/ beside this script: tiny decoders with random weights (*.gguf) that differ in what files of the Llama and
Qwen2 families differ in, and what llama.cpp makes of them (*.logits.f32, [T, V] little-endian, and decoders.json: name and
token ids of each).

usage: make_decoder_goldens.py

- qwen2: biases on queries, keys and values, rotated pairs of halves, a head of its own.
- linear, yarn, factors: Llama with a tied head and a rotary embedding scaled linearly, by YaRN (Peng et al. 2023), and by
  a factor for every pair (Llama 3.1). The texts are longer than YaRN's original context.

Weights are F32, and llama.cpp keeps its cache in F32, so that nothing but the order of sums differs.
Needs the Python packages numpy, gguf and llama-cpp-python.
"""

import json
import pathlib

import gguf
import llama_cpp
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent / "decoders"
LAYERS, WIDTH, HEADS, KV_HEADS, FEED_FORWARD, VOCABULARY, CONTEXT = 2, 32, 2, 1, 48, 64, 256
HEAD_WIDTH = WIDTH // HEADS
TOKENS = 80
FREQUENCY_FACTORS = np.array([1, 1, 1.5, 2, 3, 5, 8, 8], np.float32)  # [HEAD_WIDTH / 2]


def scale_linear(writer):
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(4.0)


def scale_yarn(writer):
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(8.0)
    writer.add_rope_scaling_orig_ctx_len(CONTEXT // 8)
    writer.add_rope_scaling_attn_factors(0.9)
    # llama.cpp reads these of other architectures alone, whatever a converter wrote.
    writer.add_rope_scaling_yarn_ext_factor(0.7)
    writer.add_rope_scaling_yarn_attn_factor(0.8)
    writer.add_rope_scaling_yarn_beta_fast(0.9)
    writer.add_rope_scaling_yarn_beta_slow(0.5)


def scale_by_factors(writer):
    writer.add_tensor("rope_freqs.weight", FREQUENCY_FACTORS)


DECODERS = [("qwen2", "qwen2", lambda writer: None), ("linear", "llama", scale_linear), ("yarn", "llama", scale_yarn),
            ("factors", "llama", scale_by_factors)]


def add_keys(writer):
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HEAD_WIDTH)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([chr(ord("A") + i) for i in range(VOCABULARY - 2)] + ["AB", "<|end|>"])
    writer.add_token_types([gguf.TokenType.NORMAL] * (VOCABULARY - 1) + [gguf.TokenType.CONTROL])
    writer.add_token_merges(["A B"])
    writer.add_eos_token_id(VOCABULARY - 1)


def add_tensors(writer, random, qwen2):
    def matrix(name, outputs, inputs, gain=1.0):
        weights = random.standard_normal((outputs, inputs)) * gain / np.sqrt(inputs)
        writer.add_tensor(name + ".weight", weights.astype(np.float32))

    def norm(name):
        writer.add_tensor(name + ".weight", (1 + 0.3 * random.standard_normal(WIDTH)).astype(np.float32))

    matrix("token_embd", VOCABULARY, WIDTH, gain=np.sqrt(WIDTH))
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        norm(at + "attn_norm")
        # Large enough for scores that pick few keys: a wrong angle then shows.
        for name, outputs, gain in [("q", HEADS, 2), ("k", KV_HEADS, 2), ("v", KV_HEADS, 1)]:
            matrix(f"{at}attn_{name}", outputs * HEAD_WIDTH, WIDTH, gain)
            if qwen2:
                bias = 0.5 * random.standard_normal(outputs * HEAD_WIDTH)
                writer.add_tensor(f"{at}attn_{name}.bias", bias.astype(np.float32))
        matrix(at + "attn_output", WIDTH, HEADS * HEAD_WIDTH)
        norm(at + "ffn_norm")
        matrix(at + "ffn_gate", FEED_FORWARD, WIDTH)
        matrix(at + "ffn_up", FEED_FORWARD, WIDTH)
        matrix(at + "ffn_down", WIDTH, FEED_FORWARD)
    norm("output_norm")
    if qwen2:
        matrix("output", VOCABULARY, WIDTH)


def write_decoder(path, architecture, scale, random):
    writer = gguf.GGUFWriter(path, architecture)
    add_keys(writer)
    scale(writer)
    add_tensors(writer, random, architecture == "qwen2")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def logits(path, ids):
    """[T, V]"""
    f32, from_file = 0, -1.0  # ggml_type; llama.cpp's word for "as the model says"
    model = llama_cpp.Llama(str(path), n_ctx=CONTEXT, logits_all=True, type_k=f32, type_v=f32, flash_attn=False,
                            yarn_ext_factor=from_file, yarn_attn_factor=from_file, yarn_beta_fast=from_file,
                            yarn_beta_slow=from_file, verbose=False)
    model.eval(ids)
    scores = model.scores[:len(ids)].astype("<f4")
    second, first = np.sort(scores)[:, -2:].T
    assert (first - second > 1e-4 * np.abs(scores).max(-1)).all(), "the top token is not clear: take another seed"
    return scores


def main():
    HERE.mkdir(exist_ok=True)
    random = np.random.default_rng(4)
    prompts = []
    for name, architecture, scale in DECODERS:
        path = HERE / f"{name}.gguf"
        write_decoder(path, architecture, scale, random)
        ids = random.integers(0, VOCABULARY, TOKENS).tolist()
        (HERE / f"{name}.logits.f32").write_bytes(logits(path, ids).tobytes())
        prompts.append({"name": name, "ids": ids})
    (HERE / "decoders.json").write_text(json.dumps(prompts, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
