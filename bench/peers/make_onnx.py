#!/usr/bin/env python3
"""A BERT encoder as ONNX Runtime's own fused operators, its best graph in float32: MODEL_DIR OUT.onnx.

What its optimiser makes of an exported model at best: EmbedLayerNormalization, Attention,
SkipLayerNormalization and BiasGelu of the com.microsoft domain. Inputs input_ids, token_type_ids and
attention_mask, int32 [B, T]; output last_hidden_state [B, T, D].
"""
import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file


class Graph:
    def __init__(self, weights, epsilon):
        self.weights, self.epsilon = weights, epsilon
        self.nodes, self.initializers = [], []

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name))
        return name

    def tensor(self, name):
        return self.constant(name, self.weights[name])

    def fused(self, operator, inputs, outputs, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, outputs, domain="com.microsoft", **attributes))
        return outputs[0]

    def product(self, x, name):
        """x · Wᵀ of a Linear layer, without its bias."""
        weight = self.constant(name, self.weights[name].T)
        self.nodes.append(helper.make_node("MatMul", [x, weight], [name + ".product"]))
        return name + ".product"

    def add_and_normalise(self, x, skip, norm, bias, out):
        inputs = [x, skip, self.tensor(norm + ".weight"), self.tensor(norm + ".bias"), self.tensor(bias)]
        return self.fused("SkipLayerNormalization", inputs, [out], epsilon=self.epsilon)

    def embeddings(self):
        names = ["word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight",
                 "LayerNorm.weight", "LayerNorm.bias"]
        inputs = ["input_ids", "token_type_ids", *(self.tensor("embeddings." + n) for n in names), "attention_mask"]
        return self.fused("EmbedLayerNormalization", inputs, ["embedded", "mask_index"], epsilon=self.epsilon)

    def layer(self, x, index, heads, out):
        prefix = f"encoder.layer.{index}."
        projections = [prefix + f"attention.self.{name}" for name in ("query", "key", "value")]
        weight = self.constant(prefix + "qkv", np.concatenate([self.weights[p + ".weight"].T for p in projections], 1))
        bias = self.constant(prefix + "qkv.bias", np.concatenate([self.weights[p + ".bias"] for p in projections]))
        context = self.fused("Attention", [x, weight, bias, "mask_index"], [prefix + "context"], num_heads=heads)
        attended = self.product(context, prefix + "attention.output.dense.weight")
        y = self.add_and_normalise(attended, x, prefix + "attention.output.LayerNorm",
                                   prefix + "attention.output.dense.bias", prefix + "attended")
        inner = self.product(y, prefix + "intermediate.dense.weight")
        inner = self.fused("BiasGelu", [inner, self.tensor(prefix + "intermediate.dense.bias")], [prefix + "gelu"])
        outer = self.product(inner, prefix + "output.dense.weight")
        return self.add_and_normalise(outer, y, prefix + "output.LayerNorm", prefix + "output.dense.bias", out)


def main(folder, out):
    with open(folder + "/config.json", encoding="utf-8") as file:
        config = json.load(file)
    graph = Graph(load_file(folder + "/model.safetensors"), config["layer_norm_eps"])
    x, layers = graph.embeddings(), config["num_hidden_layers"]
    for index in range(layers):
        last = index == layers - 1
        x = graph.layer(x, index, config["num_attention_heads"], "last_hidden_state" if last else f"hidden.{index}")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "tokens"])
              for name in ("input_ids", "token_type_ids", "attention_mask")]
    outputs = [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", "tokens", config["hidden_size"]])]
    model = helper.make_model(helper.make_graph(graph.nodes, "encoder", inputs, outputs, graph.initializers),
                              opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)])
    model.ir_version = 9
    onnx.save(model, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
