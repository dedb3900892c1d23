#!/usr/bin/env python3
"""Embeds one text a line with ONNX Runtime: MODEL.onnx MODEL_DIR TEXTS THREADS [OUT.npy]. Prints one line of JSON."""
import json
import statistics
import sys
import time

import numpy as np

from onnxruntime_encoder import Encoder

WARM_UP_TEXTS = 64
QUESTIONS = 200
QUESTION = "When was the first railway bridge over the river opened?"


def main(model, folder, texts, threads, out=None):
    encoder = Encoder(model, folder, int(threads))
    with open(texts, encoding="utf-8") as file:
        lines = file.read().splitlines()
    encoder.embed(lines[:WARM_UP_TEXTS])
    start = time.perf_counter()
    vectors, tokens = encoder.embed(lines)
    seconds = time.perf_counter() - start
    question = []
    for _ in range(QUESTIONS):
        start = time.perf_counter()
        encoder.embed([QUESTION])
        question.append(time.perf_counter() - start)
    print(json.dumps({"texts_per_s": len(lines) / seconds, "tokens_per_s": tokens / seconds,
                      "question_ms": 1e3 * statistics.median(question)}))
    if out:
        np.save(out, vectors)


if __name__ == "__main__":
    main(*sys.argv[1:])
