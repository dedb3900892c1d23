#!/usr/bin/env python3
"""join.py TRAPS.jsonl DATA.jsonl… > OUT.jsonl

Training data for `fovea train reader` from questions that a paragraph does not answer. TRAPS names each paragraph by the first
16 hexadecimal digits of the SHA-256 of its text in UTF-8; DATA are training data that hold the paragraphs. Traps whose paragraph is
in none of them are counted on standard error."""

import hashlib
import json
import sys


def lines(path):
    with open(path, encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())


def main(traps, *data):
    paragraphs = {}
    for path in data:
        for line in lines(path):
            key = hashlib.sha256(line["context"].encode()).hexdigest()[:16]
            paragraphs.setdefault(key, {"title": line.get("title", ""), "context": line["context"]})
    missing = 0
    for trap in lines(traps):
        if trap["context"] not in paragraphs:
            missing += 1
            continue
        print(json.dumps({"id": trap["id"], **paragraphs[trap["context"]], "question": trap["question"], "answers": [],
                          "answerable": False}, ensure_ascii=False))
    if missing:
        print(f"join.py: {missing} traps of {traps} have no paragraph in the data", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
