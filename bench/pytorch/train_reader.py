#!/usr/bin/env python3
"""Trains the reader in PyTorch, on a GPU if there is one, as `fovea train reader` does on a CPU.

  fovea train reader --data FILE… --examples EXAMPLES.jsonl
  bench/pytorch/train_reader.py --examples EXAMPLES.jsonl --embedder MODELS/all-MiniLM-L6-v2/model.safetensors \
      --like lib/reader/weights/reader.safetensors --out reader.safetensors

Needs PyTorch and NumPy. The same network, loss, optimiser and draws of examples; not the same random numbers, so not the
same bits. Examples may be compressed (.xz). --like names a reader file on the same embedder. One JSON object a line: each epoch, and what --valid files give at its end.
"""
import argparse
import json
import lzma
import math
import os
import sys
import time

import numpy as np
import torch

import reader_network as network
import reader_scores
from packed import Packing


class Examples:
    """What fovea wrote with --examples, on the device."""

    def __init__(self, path, device):
        passages, texts, self.questions = [], [], []
        opened = lzma.open(path, "rt") if path.endswith(".xz") else open(path)
        with opened as lines:
            if json.loads(next(lines)).get("fovea_examples") != 1:
                raise SystemExit(f"{path}: no examples of fovea train reader")
            for line in map(json.loads, lines):
                if "passage" in line:
                    passages.append(line["passage"])
                    texts.append(line["text"])
                else:
                    self.questions.append(line)
        self.device = device
        self.passages = [np.array(ids) for ids in passages]
        self.texts = np.array(texts)
        self.lengths = np.array([len(ids) for ids in passages])

    def batch(self, drawn):
        """drawn: [(question ids, [(passage, dense, lexical)], answers of the first passage)]. Q questions, P passages
        at most each, K in all; rows of [N, D] where sequences lie behind each other."""
        count, each = len(drawn), max(len(passages) for _, passages, _ in drawn)
        pairs = np.array([(i, j, passage[0]) for i, (_, passages, _) in enumerate(drawn) for j, passage in enumerate(passages)])
        of_question, slot, number = pairs.T
        scores = np.zeros((count, each, 2), np.float32)
        for i, (_, passages, _) in enumerate(drawn):
            scores[i, : len(passages)] = [passage[1:] for passage in passages]
        questions = Packing([len(ids) for ids, _, _ in drawn], self.device)
        passages = Packing(self.lengths[number], self.device)
        question_lengths = np.diff(questions.starts)[of_question]
        joint = Packing(question_lengths + self.lengths[number], self.device)
        # Rows of [questions; passages] that a pair is put together from.
        in_question = joint.place < question_lengths[joint.sequence]
        rows = np.where(in_question, questions.starts[of_question][joint.sequence] + joint.place,
                        questions.starts[-1] + passages.starts[joint.sequence] + joint.place - question_lengths[joint.sequence])
        length = passages.longest
        place = np.arange(length)
        there = np.zeros((count, each), bool)
        there[of_question, slot] = True
        in_text = np.zeros((count, each, length), bool)
        in_text[of_question, slot] = (place >= self.texts[number][:, None]) & (place < self.lengths[number][:, None] - 1)
        gold = {"starts": np.zeros_like(in_text), "ends": np.zeros_like(in_text)}
        for i, (_, _, answers) in enumerate(drawn):
            for first, last in answers:
                gold["starts"][i, 0, first] = gold["ends"][i, 0, last] = True
        arrays = {"question_ids": np.concatenate([ids for ids, _, _ in drawn]), "question_places": questions.place,
                  "passage_ids": np.concatenate([self.passages[i] for i in number]), "passage_places": passages.place,
                  "joint_rows": rows, "first_rows": joint.starts[:-1], "passage_rows": np.flatnonzero(~in_question),
                  "pairs": of_question * each + slot, "scores": scores, "there": there, "in_text": in_text,
                  "token_slots": (of_question * each + slot)[passages.sequence] * length + passages.place, **gold}
        batch = {name: torch.from_numpy(np.ascontiguousarray(array)).to(self.device) for name, array in arrays.items()}
        return {**batch, "question_packing": questions, "passage_packing": passages, "joint_packing": joint}


def draw(examples, question, options, random):
    """One example, as tools/reader_data.cc draws it."""
    ids, wrong, right, answers = question["question"], list(question["wrong"]), question["right"], question["answers"]
    at = random.random()
    withhold = at < options.withheld and wrong
    passages, altered = [right], question["altered"]
    if withhold:
        passages, answers = [], []
    elif at < options.withheld + options.shortened and "shortened" in question:
        passages, answers = [question["shortened"]], []
    elif at >= 1 - options.altered and altered:
        ids, answers = altered[random.integers(len(altered))], []
    while len(passages) < options.passages and wrong:
        if options.wrong == "hard":
            passages.append(wrong.pop(random.integers(len(wrong))))
        else:
            wrong.pop()
            passages.append([int(random.integers(len(examples.lengths))), -0.4, -0.8])
    return ids, passages, answers


def rate_at(progress, options):
    """progress: the share of the training that is behind."""
    if progress < options.warm_up:
        return options.rate * progress / options.warm_up
    return options.rate * (1 - progress) / (1 - options.warm_up)


def train(options, model, teacher, examples, report):
    device = examples.device
    random = np.random.default_rng(options.seed)
    shares = [float(share) for share in options.shares.split(",")] if options.shares else []
    files = [[i for i, q in enumerate(examples.questions) if q["file"] == f]
             for f in range(1 + max(q["file"] for q in examples.questions))]
    counts = [max(1, round(share * len(file))) for share, file in zip(shares or [1.0] * len(files), files)]
    for file in files:
        random.shuffle(file)
    steps_an_epoch = -(-sum(counts) // options.batch)
    steps = steps_an_epoch * options.epochs
    decays = [p for n, p in model.named_parameters() if p.ndim == 2]
    others = [p for n, p in model.named_parameters() if p.ndim < 2]
    optimiser = torch.optim.AdamW([{"params": decays, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
                                  lr=options.rate, betas=(0.9, 0.999), eps=1e-8, fused=device.type == "cuda")
    start, step, tokens = time.time(), 0, 0
    for epoch in range(options.epochs):
        order = [file[(epoch * count + i) % len(file)] for file, count in zip(files, counts) for i in range(count)]
        random.shuffle(order)
        losses = []
        for at in range(0, len(order), options.batch):
            batch = examples.batch([draw(examples, examples.questions[i], options, random)
                                    for i in order[at: at + options.batch]])
            tokens += len(batch["joint_rows"])
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                taught = None
                if teacher is not None:
                    with torch.no_grad():
                        taught = teacher(batch)
                logits = model.train()(batch, options.dropout)
            loss = network.loss_of(logits, batch, options.local, options.rank, options.shared, taught,
                                   options.teacher_weight, options.temperature)
            progress = (step + 1) / (steps + 1)
            if options.seconds > 0:
                progress = (time.time() - start) / options.seconds
                if progress >= 1:
                    break
            for group in optimiser.param_groups:
                group["lr"] = rate_at(progress, options)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            losses.append(loss.detach())
            step += 1
        if not losses:
            break
        mean = float(torch.stack(losses).mean())
        if not math.isfinite(mean):
            raise SystemExit("the loss is not a number")
        if epoch % options.report == 0 or epoch + 1 == options.epochs or progress >= 1:
            report({"epoch": epoch + 1, "loss": round(mean, 4), "steps": step, "seconds": round(time.time() - start, 1),
                    "tokens_per_s": round(tokens / (time.time() - start))})
        if progress >= 1:
            break


def build(path_or_none, embedder, apart, joint, heads, device):
    start = network.read_safetensors(path_or_none)[0] if path_or_none else None
    return network.ReaderNetwork(embedder, apart, joint, heads, start).to(device)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    text = {"examples": None, "embedder": None, "like": None, "out": None, "init": None, "teacher": None, "shares": None,
            "name": ""}
    for name, default in text.items():
        parser.add_argument("--" + name, default=default, required=name in ("examples", "embedder"))
    numbers = {"epochs": 2, "batch": 16, "passages": 2, "apart": 3, "joint": 3, "heads": network.HEADS, "seed": 1,
               "report": 1, "teacher-apart": 3, "teacher-joint": 3, "drop-heads": 0}
    for name, default in numbers.items():
        parser.add_argument("--" + name, type=int, default=default)
    reals = {"rate": 1e-4, "warm-up": 0.06, "dropout": 0.1, "local": 1.0, "rank": 0.5, "withheld": 0.08, "shortened": 0.1,
             "altered": 0.3, "teacher-weight": 0.5, "temperature": 2.0, "seconds": 0}
    for name, default in reals.items():
        parser.add_argument("--" + name, type=float, default=default)
    parser.add_argument("--wrong", choices=["hard", "random"], default="hard")
    parser.add_argument("--no-shared", dest="shared", action="store_false", help="no softmax over all passages")
    parser.add_argument("--valid", nargs="*", default=[], metavar="FILE", help="examples, scored at the end")
    options = parser.parse_args()
    if (options.out is None) != (options.like is None):
        parser.error("--out and --like go together")

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(options.seed)
    embedder, _ = network.read_safetensors(options.embedder)
    model = build(options.init, embedder, options.apart, options.joint, options.heads, device)
    teacher = options.teacher and build(options.teacher, embedder, options.teacher_apart, options.teacher_joint,
                                        network.HEADS, device).eval()
    examples = Examples(options.examples, device)

    def report(line):
        print(json.dumps({"name": options.name, **line} if options.name else line), flush=True)

    if options.epochs > 0:
        train(options, model, teacher, examples, report)
    if options.out:
        _, like = network.read_safetensors(options.like)
        metadata = {key: like[key] for key in ("format", "base", "base_fingerprint", "abstain_threshold")}
        metadata.update(apart_layers=str(options.apart), joint_layers=str(options.joint), frozen_layers="0",
                        joint_feed_forward=str(model.joint[0].inner.out_features),
                        command=" ".join(os.path.basename(word) for word in sys.argv))
        network.write_safetensors(options.out, {name: parameter.detach().float().cpu().numpy()
                                                for name, parameter in model.named_arrays()}, metadata)
    drawn = np.random.default_rng(options.seed)
    for layer in model.joint:  # of each joint layer so many, drawn by the seed, for --valid alone
        layer.drop_heads(drawn.choice(layer.heads, options.drop_heads, replace=False))
    for path in options.valid:
        report({"valid": path, **reader_scores.score(model.eval(), Examples(path, device))})


if __name__ == "__main__":
    main()
