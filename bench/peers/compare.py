#!/usr/bin/env python3
"""Runs fovea and its peers alternately on this machine and prints a table of ratios. Called by bench/peers.sh.

A round runs peer and fovea, held to the same instruction set, once for every set asked for; a ratio is that of the two of
one round, above 1 where fovea is faster.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Figure:
    work: str
    peer_key: str
    key: str
    unit: str
    lower_is_better: bool = False


@dataclasses.dataclass
class Pair:
    """Two programs that do the same work and print their figures as one line of JSON."""
    name: str
    peer: str
    peer_command: list
    command: list
    figures: list


def held_to(isa, options):
    """The environment in which fovea and its peers use the instruction set: what has AVX-512 leaves it alone for avx2."""
    environment = dict(os.environ, FOVEA_ISA=isa)
    if isa == "avx2":
        environment.update(FAISS_SIMD_LEVEL="AVX2", PYTHONPATH=str(options.work / "avx2"))
    return environment


def run(command, environment):
    """The JSON that the command prints, with the seconds that the whole process took."""
    start = time.perf_counter()
    done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nfailed with status {done.returncode}:\n{done.stderr}")
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return {**(json.loads(lines[-1]) if lines else {}), "seconds": seconds}


def embedding(options, threads):
    figures = [Figure(f"embed 1,000 paragraphs, {precision}", "tokens_per_s", f"{precision}_tokens_per_s", "tokens/s")
               for precision in ("f32", "int8")]
    figures += [Figure(f"embed one question, {precision}", "question_ms", f"{precision}_question_ms", "ms", True)
                for precision in ("f32", "int8")]
    texts = options.work / "paragraphs.txt"
    return Pair("embed", "ONNX Runtime f32, fused graph",
                [sys.executable, HERE / "embed_onnxruntime.py", options.work / "encoder.onnx", options.encoder, texts,
                 threads],
                [options.build / "bench/embed_bench", options.encoder, texts, threads], figures)


def generation(options, threads):
    figures = [Figure("prefill 512 tokens, SmolLM2-135M Q4_1", "prefill_tokens_per_s", "prefill_tokens_per_s", "tokens/s"),
               Figure("decode 128 tokens after them", "decode_tokens_per_s", "decode_tokens_per_s", "tokens/s"),
               Figure("first token of 512, 96 of them cached", "first_token_ms", "first_token_ms", "ms", True)]
    return Pair("generate", "llama.cpp, same file",
                [sys.executable, HERE / "generate_llama.py", options.generator, threads],
                [options.build / "bench/generate_bench", options.generator, threads], figures)


def vectors(options, threads):
    figures = [Figure("flat scan of 200,000 × 384", "flat_ms", "flat_ms", "ms", True),
               Figure("HNSW32 build of 50,000", "hnsw_build_s", "hnsw_build_s", "s", True),
               Figure("HNSW search, ef 64", "hnsw_ms", "hnsw_ms", "ms", True)]
    return Pair("vectors", "faiss-cpu",
                [sys.executable, HERE / "vectors_faiss.py", options.work, threads],
                [options.build / "bench/vectors_bench", "peer", options.work, threads], figures)


def indexing(options, threads):
    index = options.work / "index"
    shutil.rmtree(index, ignore_errors=True)
    return Pair("index", "Python loop of ONNX Runtime, faiss-cpu and sqlite3",
                [sys.executable, HERE / "index_loop.py", options.work / "encoder.onnx", options.encoder,
                 options.work / "documents", threads],
                [HERE / "index_fovea.sh", options.build / "tools/fovea", index, options.work / "documents", threads],
                [Figure("index 5,000 short documents, then search", "seconds", "seconds", "s", True)])


PAIRS = {"embed": embedding, "generate": generation, "vectors": vectors, "index": indexing}


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} … {max(values):.{digits}f})"


def rows(pair, threads, options):
    """Table rows of a pair: the figures of all rounds, then their ratios."""
    peer_runs, runs = ({isa: [] for isa in options.isa} for _ in range(2))
    for number in range(options.rounds):
        for isa in options.isa:
            print(f"{pair.name}, {threads} threads, {isa}, round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
            environment = held_to(isa, options)
            peer_runs[isa].append(run(pair.peer_command, environment))
            runs[isa].append(run(pair.command, environment))
    for figure in pair.figures:
        for isa in options.isa:
            if figure.key not in runs[isa][0]:
                continue
            theirs = [r[figure.peer_key] for r in peer_runs[isa]]
            ours = [r[figure.key] for r in runs[isa]]
            ratios = [a / b if figure.lower_is_better else b / a for a, b in zip(theirs, ours)]
            digits = 2 if statistics.median(theirs) < 100 else 0
            yield (f"| {figure.work} | {pair.peer} | {threads} | {isa} | {spread(theirs, digits)} | "
                   f"{spread(ours, digits)} {figure.unit} | {spread(ratios)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="what bench/peers.sh prepared")
    parser.add_argument("--build", type=pathlib.Path, required=True, help="fovea's build folder")
    parser.add_argument("--encoder", type=pathlib.Path, required=True)
    parser.add_argument("--generator", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--isa", nargs="+", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=PAIRS, default=list(PAIRS))
    options = parser.parse_args()
    print("| work | peer | threads | ISA | peer: median (min … max) | fovea | ratio |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in options.only:
        for threads in options.threads:
            for row in rows(PAIRS[name](options, threads), threads, options):
                print(row, flush=True)


if __name__ == "__main__":
    main()
