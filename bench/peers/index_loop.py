#!/usr/bin/env python3
"""What `fovea index` and one search do, as a loop of the usual Python libraries: MODEL.onnx MODEL_DIR FOLDER THREADS.

Every .txt file of the folder is a document of one chunk. ONNX Runtime embeds (onnxruntime_encoder.py), faiss IndexFlatIP takes the
vectors, SQLite the documents, the vectors and FTS5 postings (porter stemming); one commit, flushed to the disk. Prints one line of
JSON: "seconds" from the first file to the answer, "start_seconds" for the imports and the model before it.
"""
import time

START = time.perf_counter()

import json
import os
import pathlib
import sqlite3
import sys
import tempfile

import faiss

from onnxruntime_encoder import Encoder

QUESTION = "how are rows of a table stored"
FOUND = 10
SCHEMA = """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE documents(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, text TEXT NOT NULL, vector BLOB NOT NULL);
    CREATE VIRTUAL TABLE postings USING fts5(
        text, content = 'documents', content_rowid = 'id', tokenize = 'porter unicode61');
"""


def index(encoder, files, folder):
    """The open database and the vectors of the files, both written to `folder`; the number of tokens."""
    texts = [file.read_text(encoding="utf-8") for file in files]
    vectors, tokens = encoder.embed(texts)
    dense = faiss.IndexFlatIP(vectors.shape[1])
    dense.add(vectors)
    faiss.write_index(dense, str(folder / "vectors.faiss"))
    database = sqlite3.connect(folder / "documents.sqlite")
    database.executescript(SCHEMA)
    ids = range(len(files))
    database.executemany("INSERT INTO documents VALUES (?, ?, ?, ?)",
                         ((i, str(files[i]), texts[i], vectors[i].tobytes()) for i in ids))
    database.executemany("INSERT INTO postings(rowid, text) VALUES (?, ?)", zip(ids, texts))
    database.commit()
    return database, dense, tokens


def search(encoder, database, dense):
    vectors, _ = encoder.embed([QUESTION])
    similar = dense.search(vectors, FOUND)[1][0].tolist()
    words = " OR ".join(f'"{word}"' for word in QUESTION.split())
    matching = database.execute("SELECT rowid FROM postings WHERE postings MATCH ? ORDER BY bm25(postings) LIMIT ?", (words, FOUND))
    return similar, [row[0] for row in matching]


def main(model, model_folder, folder, threads):
    os.environ["RAYON_NUM_THREADS"] = threads  # of the tokenizers
    faiss.omp_set_num_threads(int(threads))
    encoder = Encoder(model, model_folder, int(threads))
    begin = time.perf_counter()
    files = sorted(pathlib.Path(folder).rglob("*.txt"))
    with tempfile.TemporaryDirectory() as scratch:
        database, dense, tokens = index(encoder, files, pathlib.Path(scratch))
        similar, matching = search(encoder, database, dense)
        database.close()
    end = time.perf_counter()
    print(json.dumps({"documents": len(files), "tokens": tokens, "found": [len(similar), len(matching)],
                      "start_seconds": begin - START, "seconds": end - begin}))


if __name__ == "__main__":
    main(*sys.argv[1:])
