#!/usr/bin/env python3
"""How indexing grows: bench/growth.py FOVEA [--chunks 1000,10000,100000] [--threads N] [--seed 1] [--folder DIR].

FOVEA is the program (build/release/tools/fovea). For each size a corpus.jsonl of that many one-chunk passages of about 25 tokens is
indexed from nothing with the default embedder, and a row is printed: seconds of the run and of the processors (user and system, which
other work on the machine hardly touches) a chunk, each also as a ratio to the first size, the peak of resident memory, and the
bytes of the index folder a chunk. The default sizes take about two minutes on two cores. DIR, by default a temporary folder, needs 5 kB a chunk.
"""

import argparse
import itertools
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

COMMON = """the of and to in a is that for was on are with as it at be by from this which or an have one had not but were they
    their when can more there out into only other new some could time these two may first then any over water people between
    river house city road found year made work light under while later town small long last great large part during""".split()
SYLLABLES = "ba cor den el fan gor hal in jos kel lor mar nes or pel rin sto tam ul ver wes yor".split()
RARE = 30_000
WORDS = range(11, 18)


def passages(seed):
    """Endless; few words make up most of the text and new ones keep coming, as in English (Zipf)."""
    generator = random.Random(seed)
    rare = ["".join(generator.choices(SYLLABLES, k=generator.choice([2, 2, 3]))) for _ in range(RARE)]
    weights = list(itertools.accumulate(1 / rank for rank in range(1, RARE + 1)))
    while True:
        count = generator.choice(WORDS)
        words = [generator.choice(COMMON) if generator.random() < 0.7
                 else generator.choices(rare, cum_weights=weights)[0] for _ in range(count)]
        yield " ".join(words).capitalize() + "."


def write_corpus(path, chunks, seed):
    with open(path, "w", encoding="utf-8") as file:
        for number, text in zip(range(chunks), passages(seed)):
            file.write(json.dumps({"_id": f"passage-{number}", "text": text}) + "\n")


def measure(program, corpus, index, threads):
    """The program's report, with wall and processor seconds, peak bytes of memory and bytes of the folder."""
    command = [program, "index", str(corpus), "--index", str(index), "--json", "--quiet"]
    if threads:
        command += ["--threads", str(threads)]
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"growth.py: {' '.join(command)}: exit status {child.returncode}")
    report = json.loads(output)
    report.update(wall=time.monotonic() - start, cpu=usage.ru_utime + usage.ru_stime, peak=usage.ru_maxrss * 1024,
                  folder=sum(file.stat().st_size for file in index.iterdir()))
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--chunks", default="1000,10000,100000")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder")
    options = parser.parse_args()
    print(f"{'chunks':>8} {'tokens':>9} {'s':>7} {'ms/chunk':>9} {'ratio':>6} {'cpu ms/chunk':>13} {'ratio':>6} "
          f"{'peak MB':>8} {'kB/chunk':>9}")
    first = None
    for chunks in map(int, options.chunks.split(",")):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="growth-", dir=options.folder))
        try:
            write_corpus(folder / "corpus.jsonl", chunks, options.seed)
            report = measure(options.program, folder / "corpus.jsonl", folder / "index", options.threads)
        finally:
            shutil.rmtree(folder)
        if report["chunks"] != chunks:
            sys.exit(f"growth.py: {report['chunks']} chunks instead of {chunks}")
        wall, cpu = 1e3 * report["wall"] / chunks, 1e3 * report["cpu"] / chunks
        first = first or (wall, cpu)
        print(f"{chunks:8} {report['tokens']:9} {report['wall']:7.1f} {wall:9.3f} {wall / first[0]:6.2f} {cpu:13.3f} "
              f"{cpu / first[1]:6.2f} {report['peak'] / 1e6:8.1f} {report['folder'] / chunks / 1e3:9.2f}", flush=True)


if __name__ == "__main__":
    main()
