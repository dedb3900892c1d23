"""Compares ways to fuse a dense and a lexical ranking, independently of fovea: the figures of docs/retrieval.md.

    bench/fusion.py MODEL.onnx MODEL_DIR --squad FILE.json... --beir DIR...

Dense: the ONNX model (mean pooling, unit length, 256 tokens). Lexical: SQLite's FTS5 (porter), every word of the query quoted,
joined by OR, without fovea's stop words. SQuAD files: recall@1 of a question's own paragraph among all of the file, on the first half
of the titles (to tune on) and on the others (to report). BEIR folders: nDCG@10, to report. Needs numpy, onnxruntime, tokenizers.
"""

import argparse
import json
import os
import re
import sqlite3

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

DEPTH = 200  # candidates of each side


def embedder(model, folder):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    kinds = {i.name: np.int32 if "int32" in i.type else np.int64 for i in session.get_inputs()}

    def embed(texts):
        ids = [e.ids for e in tokenizer.encode_batch(texts)]
        order = sorted(range(len(texts)), key=lambda i: -len(ids[i]))
        out = np.zeros((len(texts), 384), np.float32)
        for at in range(0, len(order), 32):
            batch = order[at : at + 32]
            tokens = np.zeros((len(batch), len(ids[batch[0]])), np.int64)
            mask = np.zeros_like(tokens)
            for row, i in enumerate(batch):
                tokens[row, : len(ids[i])] = ids[i]
                mask[row, : len(ids[i])] = 1
            feed = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": tokens * 0}
            hidden = session.run(None, {n: feed[n].astype(t) for n, t in kinds.items()})[0]
            pooled = (hidden * mask[..., None]).sum(1)
            out[batch] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return out

    return embed


def stop_words():
    source = os.path.join(os.path.dirname(__file__), "../retriever/stop_words.cc")
    words = re.search(r"kStopWords = .*?\{(.*?)\}", open(source).read(), re.S).group(1)
    return set(re.findall(r'"(\w+)"', words))


def bm25(texts, queries):
    """Scores [queries, texts], larger is better, 0 where no word is shared."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE f USING fts5(t, tokenize='porter unicode61')")
    database.executemany("INSERT INTO f(rowid, t) VALUES (?, ?)", enumerate(texts))
    stops = stop_words()
    scores = np.zeros((len(queries), len(texts)))
    for row, query in enumerate(queries):
        words = re.findall(r"[^\W_]+", query)
        words = [w for w in words if w.lower() not in stops] or words
        if words:
            match = " OR ".join(f'"{w}"' for w in words)
            for text, score in database.execute("SELECT rowid, bm25(f) FROM f WHERE f MATCH ?", (match,)):
                scores[row, text] = -score
    return scores


def load_squad(path):
    articles = json.load(open(path, encoding="utf-8"))["data"]
    titles = sorted({a["title"] for a in articles})
    tune = set(titles[: len(titles) // 2])
    texts, queries, gold, tuned = [], [], [], []
    for article in articles:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                if not question.get("is_impossible"):
                    queries.append(question["question"])
                    gold.append(len(texts))
                    tuned.append(article["title"] in tune)
            texts.append(paragraph["context"])
    return texts, queries, np.array(gold), np.array(tuned)


def load_beir(folder):
    rows = lambda name: [json.loads(line) for line in open(f"{folder}/{name}.jsonl", encoding="utf-8")]
    documents, queries, relevant = rows("corpus"), rows("queries"), {}
    for line in open(folder + "/qrels/test.tsv").read().splitlines()[1:]:
        query, document, grade = line.split("\t")
        relevant.setdefault(query, {})[document] = int(grade)
    queries = [q for q in queries if q["_id"] in relevant]
    grades = np.array([[relevant[q["_id"]].get(d["_id"], 0) for d in documents] for q in queries], float)
    return [d.get("title", "") + " " + d["text"] for d in documents], [q["text"] for q in queries], grades


def ndcg10(scores, grades):
    discount = 1 / np.log2(np.arange(2, 12))
    top = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    gain = (np.take_along_axis(grades, top, 1) * discount).sum(1)
    ideal = (-np.sort(-grades, axis=1)[:, :10] * discount).sum(1)
    return float((gain / ideal).mean())


def ranks(scores):
    return np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1, kind="stable") + 1


def fusions():
    def known(scores, mask, worst):
        return np.where(mask, scores, np.where(mask, scores, worst).min(1, keepdims=True))

    def scale(x, mask):
        low = np.where(mask, x, np.inf).min(1, keepdims=True)
        high = np.where(mask, x, -np.inf).max(1, keepdims=True)
        return (x - low) / np.maximum(high - low, 1e-9)

    def zscore(x, mask):
        count = mask.sum(1, keepdims=True)
        mean = np.where(mask, x, 0).sum(1, keepdims=True) / count
        deviation = np.sqrt(np.where(mask, (x - mean) ** 2, 0).sum(1, keepdims=True) / count)
        return (x - mean) / np.maximum(deviation, 1e-9)

    def of_top(x):
        return x / np.maximum(x.max(1, keepdims=True), 1e-9)

    yield "dense alone", lambda d, l, md, ml: d
    yield "lexical alone", lambda d, l, md, ml: l
    yield "reciprocal ranks, k 60", lambda d, l, md, ml: md / (60 + ranks(d)) + ml / (60 + ranks(l))
    for w in (0.4, 0.5, 0.6):
        yield f"min-max of both, w {w}", lambda d, l, md, ml, w=w: w * scale(d, md | ml) + (1 - w) * scale(l, md | ml)
    for w in (0.5, 0.6, 0.7):
        yield f"z-scores of both, w {w}", lambda d, l, md, ml, w=w: w * zscore(d, md | ml) + (1 - w) * zscore(l, md | ml)
    for w in (0.4, 0.5, 0.6):
        yield f"both by their top, w {w}", lambda d, l, md, ml, w=w: w * of_top(d) + (1 - w) * of_top(l)
    for w in (0.6, 0.65, 0.7, 0.75, 0.8):
        yield f"cosine + BM25 by its top, w {w}", lambda d, l, md, ml, w=w: w * d + (1 - w) * of_top(l)
    yield "the same at 0.7, other side unknown", lambda d, l, md, ml: 0.7 * known(d, md, 9) + 0.3 * of_top(l)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("model_folder")
    parser.add_argument("--squad", nargs="*", default=[])
    parser.add_argument("--beir", nargs="*", default=[])
    options = parser.parse_args()
    embed = embedder(options.model, options.model_folder)

    columns, names = [], []
    for path in options.squad:
        texts, queries, gold, tuned = load_squad(path)
        dense, lexical = embed(queries) @ embed(texts).T, bm25(texts, queries)
        first = lambda s, part, gold=gold: float((s.argmax(1) == gold)[part].mean())
        columns.append((dense, lexical, lambda s, f=first, t=tuned: [f(s, t), f(s, ~t)]))
        name = os.path.basename(path).removesuffix(".json")
        names += [name + " tune", name + " report"]
    for folder in options.beir:
        texts, queries, grades = load_beir(folder)
        dense, lexical = embed(queries) @ embed(texts).T, bm25(texts, queries)
        columns.append((dense, lexical, lambda s, g=grades: [ndcg10(s, g)]))
        names.append(os.path.basename(os.path.normpath(folder)))

    print("| fusion | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for name, fuse in fusions():
        row = []
        for dense, lexical, measure in columns:
            in_dense, in_lexical = ranks(dense) <= DEPTH, (ranks(lexical) <= DEPTH) & (lexical > 0)
            kept = np.where(in_lexical, lexical, 0)
            scores = fuse(dense.astype(float), kept, in_dense, in_lexical)
            row += measure(np.where(in_dense | in_lexical, scores, -1e9))
        print(f"| {name} | " + " | ".join(f"{x:.4f}" for x in row) + " |", flush=True)


if __name__ == "__main__":
    main()
