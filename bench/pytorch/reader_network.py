"""The reader's network (docs/reader.md) in PyTorch, and its file."""
import json
import math
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from packed import attention

HEADS = 12
SCORE_WEIGHTS = (8.0, 3.5)  # as lib/train/reader_network.cc starts them
HEAD_SPREAD = 0.02
LAYER_NORM_EPSILON = 1e-12
LEAST_QUANTISED_ROWS = 16  # heads stay in f32


def read_safetensors(path):
    """({name: f32 array}, metadata); 8-bit codes come back times their scales (docs/formats.md)."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    arrays = {}
    for name, entry in header.items():
        dtype = {"F32": np.float32, "I8": np.int8, "I64": np.int64}[entry["dtype"]]
        begin, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(data[begin:end], dtype).reshape(entry["shape"])
    for name in [name for name in arrays if name.endswith(".scale")]:
        arrays[name[:-6]] = arrays[name[:-6]].astype(np.float32) * arrays.pop(name)[:, None]
    return arrays, metadata


def write_safetensors(path, arrays, metadata):
    """f32 arrays; those of many rows as 8-bit codes with a scale a row, as fovea's own files."""
    tensors = {}
    for name, array in arrays.items():
        if array.ndim == 2 and len(array) >= LEAST_QUANTISED_ROWS:
            scale = np.abs(array).max(axis=1) / np.float32(127)
            codes = np.rint(array / np.where(scale > 0, scale, 1)[:, None]).astype(np.int8)
            tensors[name + ".scale"], tensors[name] = scale.astype(np.float32), codes
        else:
            tensors[name] = array.astype(np.float32)
    header, blobs, at = {"__metadata__": metadata}, [], 0
    for name, array in sorted(tensors.items(), key=lambda item: (item[1].dtype != np.float32, item[0])):
        blobs.append(np.ascontiguousarray(array).tobytes())
        header[name] = {"dtype": "F32" if array.dtype == np.float32 else "I8", "shape": list(array.shape),
                        "data_offsets": [at, at + len(blobs[-1])]}
        at += len(blobs[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


class Layer(nn.Module):
    """One post-norm transformer layer; dropout behind both sublayers, none on attention's weights."""

    def __init__(self, width, inner, heads):
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, LAYER_NORM_EPSILON)
        self.inner = nn.Linear(width, inner)
        self.outer = nn.Linear(inner, width)
        self.output_norm = nn.LayerNorm(width, LAYER_NORM_EPSILON)

    def drop_heads(self, heads):
        """What they attend to counts for nothing (Michel et al. 2019)."""
        with torch.no_grad():
            self.output.weight.unflatten(1, (self.heads, -1))[:, list(heads)] = 0

    def forward(self, x, packing, dropout):
        """x [N, D]"""
        projected = self.query_key_value(x).view(len(x), 3, self.heads, -1)
        context = self.output(attention(*projected.unbind(1), packing).flatten(1))
        x = self.attention_norm(x + F.dropout(context, dropout, self.training))
        return self.output_norm(x + F.dropout(self.outer(F.gelu(self.inner(x))), dropout, self.training))


# Parameters of a layer in the file, and what they are called here.
LAYER_NAMES = {"attention.self.qkv": "query_key_value", "attention.output.dense": "output",
               "attention.output.LayerNorm": "attention_norm", "intermediate.dense": "inner",
               "output.dense": "outer", "output.LayerNorm": "output_norm"}


class ReaderNetwork(nn.Module):
    def __init__(self, embedder, apart, joint, joint_heads=HEADS, start=None):
        """embedder, start: what read_safetensors gives of all-MiniLM-L6-v2, and of a reader with these layers, its
        joint ones as wide inside as they are there; without a start the layers are the embedder's."""
        super().__init__()
        embeddings = {name[len("embeddings."):]: torch.from_numpy(np.array(array))
                      for name, array in embedder.items() if name.startswith("embeddings.") and array.dtype != np.int64}
        self.register_buffer("words", embeddings["word_embeddings.weight"])
        self.register_buffer("positions", embeddings["position_embeddings.weight"]
                             + embeddings["token_type_embeddings.weight"][0])
        self.register_buffer("gamma", embeddings["LayerNorm.weight"])
        self.register_buffer("beta", embeddings["LayerNorm.bias"])
        width = self.words.shape[1]
        arrays = dict(embedder if start is None else start)
        inner = "encoder.layer.{}.intermediate.dense.bias"
        self.apart = nn.ModuleList(Layer(width, arrays[inner.format(0)].shape[0], HEADS) for _ in range(apart))
        self.joint = nn.ModuleList(Layer(width, arrays[inner.format(apart)].shape[0], joint_heads) for _ in range(joint))
        self.segment = nn.Parameter(torch.zeros(width))
        self.token_head = nn.Linear(width, 2)
        self.passage_head = nn.Linear(width, 2)
        self.score_weights = nn.Parameter(torch.tensor(SCORE_WEIGHTS))
        for head in (self.token_head, self.passage_head):
            nn.init.normal_(head.weight, std=HEAD_SPREAD)
            nn.init.zeros_(head.bias)
        for i in range(apart + joint):
            for kind in ("weight", "bias"):
                parts = [arrays.get(f"encoder.layer.{i}.attention.self.{part}.{kind}") for part in ("query", "key", "value")]
                if parts[0] is not None:
                    arrays[f"encoder.layer.{i}.attention.self.qkv.{kind}"] = np.concatenate(parts)
        self.load_arrays(arrays, layers_alone=start is None)

    def named_arrays(self):
        """(name in the file, parameter)."""
        for i, layer in enumerate([*self.apart, *self.joint]):
            for theirs, ours in LAYER_NAMES.items():
                for kind in ("weight", "bias"):
                    yield f"encoder.layer.{i}.{theirs}.{kind}", getattr(getattr(layer, ours), kind)
        yield "segment", self.segment
        for name in ("token_head", "passage_head"):
            yield name + ".weight", getattr(self, name).weight
            yield name + ".bias", getattr(self, name).bias
        yield "score_weights", self.score_weights

    def load_arrays(self, arrays, layers_alone=False):
        with torch.no_grad():
            for name, parameter in self.named_arrays():
                if not layers_alone or name.startswith("encoder."):
                    parameter.copy_(torch.from_numpy(np.array(arrays[name])).view_as(parameter))

    def embed(self, ids, places):
        x = self.words[ids] + self.positions[places]
        return F.layer_norm(x, x.shape[-1:], self.gamma, self.beta, LAYER_NORM_EPSILON)

    def forward(self, batch, dropout=0.0):
        """(start [Q, P, Tp], end, none [Q, P], fit [Q, P]); −∞ outside the text and where a question has no such
        passage. r is in start, end and none."""
        questions, passages, joint = batch["question_packing"], batch["passage_packing"], batch["joint_packing"]
        q = self.embed(batch["question_ids"], batch["question_places"])
        p = self.embed(batch["passage_ids"], batch["passage_places"])
        for layer in self.apart:
            q, p = layer(q, questions, dropout), layer(p, passages, dropout)
        x = torch.cat([q + self.segment, p]).index_select(0, batch["joint_rows"])
        for layer in self.joint:
            x = layer(x, joint, dropout)
        x = x.float()
        with torch.autocast(x.device.type, enabled=False):
            there, in_text = batch["there"], batch["in_text"]
            fit, none = self.passage_head(x[batch["first_rows"]]).unbind(-1)
            tokens = self.token_head(x[batch["passage_rows"]])
            never = x.new_full((there.numel(), 2), -math.inf)
            fit, none = never.index_copy(0, batch["pairs"], torch.stack([fit, none], -1)).view(*there.shape, 2).unbind(-1)
            fit = fit + batch["scores"] @ self.score_weights
            tokens = x.new_zeros(in_text.numel(), 2).index_copy(0, batch["token_slots"], tokens).view(*in_text.shape, 2)
            tokens = (tokens + fit.masked_fill(~there, 0)[..., None, None]).masked_fill(~in_text[..., None], -math.inf)
        return tokens[..., 0], tokens[..., 1], none + fit, fit


def negative_log_likelihood(values, none, gold, groups):
    """−log P(gold) of each question; none is right where a group has no gold. With groups "all" the values
    [Q, P, T] of a question compete, with "each" those of a passage alone (mean over its passages)."""
    if groups == "all":
        values, gold, none = values.flatten(1)[:, None], gold.flatten(1)[:, None], none[:, None, :]
        there = torch.ones_like(none[..., 0], dtype=torch.bool)
    else:
        there = none > -math.inf
        none = none.masked_fill(~there, 0)[..., None]
    log_none = none.logsumexp(-1)
    scores = torch.cat([values, none], -1)
    log_all = torch.where(there, scores.masked_fill(~there[..., None], 0).logsumexp(-1), 0)
    answerable = gold.any(-1)
    right = values.masked_fill(~gold, -math.inf)
    right = torch.where(answerable[..., None], right, 0).logsumexp(-1)
    right = torch.where(answerable, right, torch.where(there, log_none, 0))
    return ((log_all - right) * there).sum(-1) / there.sum(-1)


def divergence(ours, theirs, temperature):
    """T² KL(theirs ‖ ours) over the last axis; −∞ in both is left out. Rows that are −∞ throughout count 0."""
    there = (theirs > -math.inf).any(-1)
    ours, theirs = (torch.where(there[..., None], x / temperature, 0).log_softmax(-1) for x in (ours, theirs))
    terms = torch.where(theirs > -math.inf, theirs.exp() * (theirs - ours.masked_fill(theirs == -math.inf, 0)), 0)
    return temperature ** 2 * (terms.sum(-1) * there).sum(-1) / there.sum(-1)


def loss_of(logits, batch, local=1.0, rank=0.5, shared=True, taught=None, teacher=0.0, temperature=2.0):
    """lib/train/reader_network.h has the formula."""
    start, end, none, fit = logits
    span = each = 0
    if shared:
        span = sum(negative_log_likelihood(x, none, batch[gold], "all") for x, gold in ((start, "starts"), (end, "ends")))
    if local > 0:
        each = sum(negative_log_likelihood(x, none, batch[gold], "each") for x, gold in ((start, "starts"), (end, "ends")))
    right = batch["starts"].any(-1)
    ranked = right.any(-1) & (batch["there"].sum(-1) > 1)
    log_fit = fit.log_softmax(-1)
    ranking = -torch.where(ranked, log_fit.masked_fill(~right, -math.inf).masked_fill(~ranked[:, None], 0).logsumexp(-1), 0)
    loss = span + local * each + rank * ranking
    if taught is not None:
        terms = 0
        for ours, theirs in ((start, taught[0]), (end, taught[1])):
            both = [torch.cat([x, n[..., None]], -1) for x, n in ((ours, none), (theirs, taught[2]))]
            terms = terms + divergence(both[0].flatten(1)[:, None], both[1].flatten(1)[:, None], temperature)
            terms = terms + local * divergence(*both, temperature)
        terms = terms + rank * divergence(fit[:, None], taught[3][:, None], temperature)
        loss = torch.where(right.any(-1), (1 - teacher) * loss + teacher * terms, loss)
    return loss.mean()
