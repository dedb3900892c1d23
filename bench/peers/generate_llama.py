#!/usr/bin/env python3
"""llama.cpp: prefill of 512 tokens, decoding of 128 after them, and the first token where the prompt's first 96 are cached:
MODEL.gguf THREADS. Prints one line of JSON."""
import json
import random
import sys
import time

from llama_cpp import Llama

RUNS = 3
FIXED = 96  # tokens of the prompt that stay in the key/value cache


def main(file, threads):
    model = Llama(file, n_ctx=2048, n_threads=int(threads), n_threads_batch=int(threads), n_batch=512, verbose=False)
    random.seed(1)
    prompt = [random.randrange(1000, 40000) for _ in range(512)]
    prefill, decode = 0, 0
    for _ in range(RUNS):
        model.reset()
        start = time.perf_counter()
        model.eval(prompt)
        prefill = max(prefill, 512 / (time.perf_counter() - start))
        start = time.perf_counter()
        for token in prompt[:128]:
            model.eval([token])
        decode = max(decode, 128 / (time.perf_counter() - start))
    model.reset()
    model.eval(prompt[:FIXED])
    first_token = float("inf")
    for _ in range(RUNS):
        start = time.perf_counter()
        model.n_tokens = FIXED  # eval drops what the cache holds after them
        model.eval(prompt[FIXED:])
        first_token = min(first_token, time.perf_counter() - start)
    print(json.dumps({"prefill_tokens_per_s": prefill, "decode_tokens_per_s": decode,
                      "first_token_ms": 1e3 * first_token}))


if __name__ == "__main__":
    main(*sys.argv[1:])
