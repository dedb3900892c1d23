#!/usr/bin/env python3
"""faiss-cpu on 200,000 × 384 clustered unit vectors: flat scan, HNSW build and search: FOLDER THREADS.

Makes FOLDER/vectors.npy and FOLDER/queries.npy at first, so that fovea searches the same. The build has the threads;
queries come one at a time, as a user's do. Prints one line of JSON.
"""
import json
import pathlib
import sys
import time

import faiss
import numpy as np

VECTORS, QUERIES, DIMENSIONS, CENTRES = 200_000, 200, 384, 500
GRAPH_VECTORS, LINKS, BUILD_EFFORT, SEARCH_EFFORT, DEPTH = 50_000, 32, 100, 64, 10


def make(folder):
    random = np.random.default_rng(1)
    centres = random.standard_normal((CENTRES, DIMENSIONS)).astype(np.float32)
    for name, count in (("vectors", VECTORS), ("queries", QUERIES)):
        rows = centres[random.integers(0, CENTRES, count)]
        rows = rows + 0.7 * random.standard_normal((count, DIMENSIONS)).astype(np.float32)
        np.save(folder / f"{name}.npy", (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))


def search(index, queries, threads):
    """Milliseconds a query, and the ids found."""
    faiss.omp_set_num_threads(threads)
    found = []
    start = time.perf_counter()
    for query in queries:
        found.append(index.search(query[None], DEPTH)[1][0])
    return 1e3 * (time.perf_counter() - start) / len(queries), found


def main(folder, threads):
    folder, threads = pathlib.Path(folder), int(threads)
    if not (folder / "queries.npy").exists():
        make(folder)
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    flat = faiss.IndexFlatIP(DIMENSIONS)
    flat.add(vectors)
    search(flat, queries[:10], threads)
    flat_ms, _ = search(flat, queries, threads)
    exact = faiss.IndexFlatIP(DIMENSIONS)
    exact.add(vectors[:GRAPH_VECTORS])
    _, truth = search(exact, queries, threads)
    graph = faiss.IndexHNSWFlat(DIMENSIONS, LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = BUILD_EFFORT, SEARCH_EFFORT
    faiss.omp_set_num_threads(threads)
    start = time.perf_counter()
    graph.add(vectors[:GRAPH_VECTORS])
    build = time.perf_counter() - start
    search(graph, queries[:10], threads)
    graph_ms, found = search(graph, queries, threads)
    recall = sum(len(set(a) & set(b)) for a, b in zip(found, truth)) / (DEPTH * len(queries))
    print(json.dumps({"flat_ms": flat_ms, "hnsw_build_s": build, "hnsw_ms": graph_ms, "hnsw_recall": recall,
                      "options": faiss.get_compile_options()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
