#!/usr/bin/env python3
"""Writes embeddings.f16 beside this script: what ONNX Runtime makes of the texts in texts.json, [texts, 384] little-endian
binary16, in the order of that file.

usage: make_embedding_goldens.py BERT_MODEL_FOLDER

The model is all-MiniLM-L6-v2: its graph is built here from the safetensors out of ONNX's standard operators, in f32; each text is
run alone, cut to 256 tokens, mean-pooled and brought to unit length. Rounding to binary16 costs a cosine of about 1e-7.

Needs the Python packages numpy, onnx, onnxruntime, safetensors and tokenizers.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
import tokenizers
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from golden_texts import expand

HERE = pathlib.Path(__file__).resolve().parent
MAX_TOKENS = 256


class Graph:
    """Collects nodes and initialisers; every method gives the name of its output."""

    def __init__(self):
        self.nodes, self.initialisers = [], []

    def constant(self, array):
        name = f"c{len(self.initialisers)}"
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def op(self, kind, *inputs, **attributes):
        name = f"n{len(self.nodes)}"
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self.nodes.append(helper.make_node(kind, names, [name], **attributes))
        return name

    def linear(self, x, weights, name):
        product = self.op("MatMul", x, weights[name + ".weight"].T)
        return self.op("Add", product, weights[name + ".bias"])

    def layer_norm(self, x, weights, name, epsilon):
        return self.op("LayerNormalization", x, weights[name + ".weight"], weights[name + ".bias"], axis=-1, epsilon=epsilon)


def encoder(weights, config):
    """ids [T] int64 -> hidden states [T, D]."""
    g = Graph()
    heads, width = config["num_attention_heads"], config["hidden_size"]
    head_width, epsilon = width // heads, config["layer_norm_eps"]
    split = np.array([-1, heads, head_width], np.int64)
    words = g.op("Gather", weights["embeddings.word_embeddings.weight"], "ids")
    length = g.op("Shape", "ids")
    positions = g.op("Slice", weights["embeddings.position_embeddings.weight"], np.array([0], np.int64), length)
    x = g.op("Add", g.op("Add", words, weights["embeddings.token_type_embeddings.weight"][0]), positions)
    x = g.layer_norm(x, weights, "embeddings.LayerNorm", epsilon)
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        q, k, v = (g.op("Reshape", g.linear(x, weights, at + "attention.self." + n), split) for n in ("query", "key", "value"))
        scores = g.op("MatMul", g.op("Transpose", q, perm=[1, 0, 2]), g.op("Transpose", k, perm=[1, 2, 0]))
        scores = g.op("Div", scores, np.array(np.sqrt(head_width), np.float32))
        mixed = g.op("MatMul", g.op("Softmax", scores, axis=-1), g.op("Transpose", v, perm=[1, 0, 2]))
        mixed = g.op("Reshape", g.op("Transpose", mixed, perm=[1, 0, 2]), np.array([-1, width], np.int64))
        x = g.op("Add", g.linear(mixed, weights, at + "attention.output.dense"), x)
        x = g.layer_norm(x, weights, at + "attention.output.LayerNorm", epsilon)
        inner = g.linear(x, weights, at + "intermediate.dense")
        erf = g.op("Erf", g.op("Div", inner, np.array(np.sqrt(2), np.float32)))
        gelu = g.op("Mul", g.op("Mul", inner, np.array(0.5, np.float32)), g.op("Add", erf, np.array(1, np.float32)))
        x = g.op("Add", g.linear(gelu, weights, at + "output.dense"), x)
        x = g.layer_norm(x, weights, at + "output.LayerNorm", epsilon)
    graph = helper.make_graph(g.nodes, "bert", [helper.make_tensor_value_info("ids", TensorProto.INT64, ["T"])],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["T", width])], g.initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def main():
    folder = pathlib.Path(sys.argv[1])
    weights = load_file(folder / "model.safetensors")
    session = encoder(weights, json.loads((folder / "config.json").read_text()))
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    rows = []
    for entry in json.loads((HERE / "texts.json").read_text(encoding="utf-8")):
        ids = tokenizer.encode(expand(entry).decode("utf-8", "replace")).ids
        hidden = session.run(None, {"ids": np.array(ids, np.int64)})[0].astype(np.float64)
        mean = hidden.mean(axis=0)
        rows.append(mean / np.linalg.norm(mean))
    (HERE / "embeddings.f16").write_bytes(np.array(rows).astype("<f2").tobytes())
    print(f"{len(rows)} embeddings")


if __name__ == "__main__":
    main()
