#!/usr/bin/env python3
"""kill -9 of `fovea index` at random moments, many times: bench/kill_test.py FOVEA [--kills 200] [--seed 1] [--keep DIR].

FOVEA is the program (build/release/tools/fovea). A corpus of about 180 kB is written to a temporary folder and indexed undisturbed; then,
until so many kills have hit a running process, `fovea index` is started on an index and killed at a random moment. After each kill
`fovea verify` must pass, everything in the index must be part of the undisturbed one, and nothing that was seen there before
may be missing. A run that ends by itself must have made exactly the undisturbed index (document, begin, end, heading, text and the bits of the
vector, read here with Python's own sqlite3); the next one starts anew. Exit status 0 if all of it held.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time


def write_corpus(folder, seed):
    generator = random.Random(seed)
    words = """river valley merchant engine winter library harbour letter clock road garden window bridge mountain signal
        lantern village market captain painter doctor story music paper copper glass silver timber wool bread""".split()

    def sentence():
        return "The " + " ".join(generator.choice(words) for _ in range(generator.randint(5, 14))) + ". "

    for number in range(150):
        path = os.path.join(folder, f"part{number % 8}", f"{number}.{'md' if number % 2 else 'txt'}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            if number % 2:
                file.write(f"# Chapter {number}\n\n")
            file.write("".join(sentence() for _ in range(generator.randint(3, 25))))
    with open(os.path.join(folder, "corpus.jsonl"), "w", encoding="utf-8") as file:
        for number in range(150):
            text = sentence() + sentence()
            file.write(json.dumps({"_id": f"line-{number}", "title": "Line", "text": text}) + "\n")


def dump(index):
    """Everything that two equal indexes share, as a set."""
    path = os.path.join(index, "fovea.sqlite")
    if not os.path.exists(path):
        return set()
    database = sqlite3.connect(path)
    try:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'vectors'").fetchall():
            return set()
        texts = {}
        for document, part in database.execute("SELECT document, bytes FROM texts ORDER BY document, part"):
            texts[document] = texts.get(document, b"") + part
        rows = database.execute(
            "SELECT d.id, d.name, d.title, c.range_begin, c.range_end, c.heading, v.vector FROM documents d "
            "JOIN chunks c ON c.document = d.id JOIN vectors v ON v.chunk = c.id"
        )
        return {(name, title, b, e, heading, texts[i][b:e], vector) for i, name, title, b, e, heading, vector in rows}
    finally:
        database.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fovea")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="folder to work in, which is kept")
    options = parser.parse_args()
    fovea = os.path.abspath(options.fovea)
    work = options.keep or tempfile.mkdtemp(prefix="fovea-kill-")
    corpus = os.path.join(work, "corpus")
    write_corpus(corpus, options.seed)

    def run(*arguments):
        return subprocess.run([fovea, *arguments], capture_output=True, text=True)

    def index(folder):
        return subprocess.Popen([fovea, "index", "--quiet", "--index", folder, corpus], stdout=subprocess.DEVNULL)

    def fail(reason):
        print(f"FAILED: {reason}; the index is in {work}", file=sys.stderr)
        sys.exit(1)

    # Twice: the first may find the model's files cold.
    for name in ("cold", "undisturbed"):
        start = time.monotonic()
        if index(os.path.join(work, name)).wait() != 0:
            fail("the undisturbed run")
        seconds = time.monotonic() - start
    expected = dump(os.path.join(work, "undisturbed"))
    if expected != dump(os.path.join(work, "cold")):
        fail("two undisturbed runs differ")
    print(f"undisturbed: {len(expected)} chunks in {seconds:.2f} s", flush=True)

    generator = random.Random(options.seed)
    hits = runs = completed = with_part = 0
    folder, seen = os.path.join(work, "killed"), set()
    while hits < options.kills:
        runs += 1
        process = index(folder)
        try:
            # A little past the end, so that writing and naming the vectors file is hit as well.
            process.wait(timeout=generator.uniform(0, 1.1 * seconds))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        status = process.wait()
        held = dump(folder)
        if status == -signal.SIGKILL:
            hits += 1
            with_part += 0 < len(held) < len(expected)
        elif status != 0:
            fail(f"run {runs} ended with status {status}")
        if os.path.exists(os.path.join(folder, "fovea.sqlite")) and held:
            verify = run("verify", "--index", folder)
            if verify.returncode != 0:
                fail(f"verify after run {runs}: {verify.stdout}{verify.stderr}")
        if not held <= expected:
            fail(f"after run {runs} the index holds what the undisturbed one does not")
        if not seen <= held:
            fail(f"run {runs} lost what was committed before")
        seen = held
        if status == 0:
            completed += 1
            if held != expected:
                fail(f"run {runs} completed an index that differs from the undisturbed one")
            shutil.rmtree(folder)
            seen = set()
        if runs % 20 == 0:
            print(f"{hits} kills in {runs} runs, {completed} completed", flush=True)

    if index(folder).wait() != 0 or dump(folder) != expected:
        fail("the last run did not complete the index")
    print(f"{hits} kills hit a running process ({with_part} of them left a part of the documents), "
          f"{completed + 1} indexes were completed and equal the undisturbed one bit for bit")
    if not options.keep:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
