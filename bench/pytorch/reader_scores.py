"""How well a reader does on examples: what `fovea eval` measures, counted in tokens, near enough to compare trainings."""
import math

import numpy as np
import torch

LONGEST_ANSWER = 30
PASSAGES = 8
BATCH = 32


def best_spans(start, end):
    """(passage, first, last) of the likeliest span of each question."""
    length = start.shape[-1]
    padded = torch.nn.functional.pad(end, (0, LONGEST_ANSWER - 1), value=-math.inf)
    scores = start[..., None] + padded.unfold(-1, LONGEST_ANSWER, 1)  # [Q, P, T, tokens beyond the first]
    best = scores.flatten(1).argmax(-1)
    first = best // LONGEST_ANSWER
    return list(zip((first // length).tolist(), (first % length).tolist(), (first % length + best % LONGEST_ANSWER).tolist()))


def overlap(span, answers):
    """F1 of token positions, the best over the answers; 1 only for an exact one."""
    passage, first, last = span
    if passage != 0:
        return 0.0
    best = 0.0
    for begin, end in answers:
        common = min(last, end) - max(first, begin) + 1
        if common > 0:
            best = max(best, 2 * common / (last - first + 1 + end - begin + 1))
    return best


def area(positive, negative):
    """Area under the ROC of two lists of scores."""
    both = np.concatenate([positive, negative])
    ranks = np.empty(len(both))
    order = np.argsort(both, kind="stable")
    ranks[order] = np.arange(1, len(both) + 1)
    return (ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative))


@torch.no_grad()
def run(model, examples, passages_of):
    """[(answerable, F1, none, right passage first)] of the questions; passages_of gives a question's passages."""
    rows = []
    for at in range(0, len(examples.questions), BATCH):
        questions = examples.questions[at: at + BATCH]
        batch = examples.batch([(q["question"], passages_of(q), []) for q in questions])
        with torch.autocast(examples.device.type, torch.bfloat16, enabled=examples.device.type == "cuda"):
            start, end, none, _ = model(batch)
        weights = []
        for tokens in (start, end):
            share = torch.cat([tokens, none[..., None]], -1).flatten(1).softmax(-1).view(*none.shape, -1)
            weights.append((share[..., :-1].sum(-1), share[..., -1].sum(-1)))
        nowhere = ((weights[0][1] + weights[1][1]) / 2).tolist()
        first = ((weights[0][0] + weights[1][0]) / 2).argmax(-1).tolist()
        for q, span, weight, best in zip(questions, best_spans(start, end), nowhere, first):
            rows.append((bool(q["answers"]), overlap(span, q["answers"]), weight, best == 0))
    return rows


def at_loss(rows, others, loss=0.05):
    """(threshold, share of `others` that is none there) where F1 of rows is `loss` lower than without abstaining."""
    f1 = np.array([row[1] for row in rows])
    none = np.array([row[2] for row in rows])
    order = np.sort(none)[::-1]
    for threshold in order[::-1]:
        if f1[none < threshold].sum() / len(f1) >= f1.mean() - loss:
            return float(threshold), float(np.mean([row[2] >= threshold for row in others]))
    return 1.0, 0.0


def score(model, examples):
    given = run(model, examples, lambda q: [q["right"]])
    answerable = [row for row in given if row[0]]
    traps = [row for row in given if not row[0]]
    result = {"f1": np.mean([row[1] for row in answerable]), "em": np.mean([row[1] == 1 for row in answerable])}
    if traps:
        result["traps_area"] = area([row[2] for row in traps], [row[2] for row in answerable])
        result["traps_threshold"], result["traps_none"] = at_loss(answerable, traps)
    opened = [row for row in run(model, examples, lambda q: [q["right"]] + q["wrong"][: PASSAGES - 1]) if row[0]]
    withheld = [row for row, q in zip(run(model, examples, lambda q: q["wrong"][:PASSAGES] or [q["right"]]),
                                      examples.questions) if row[0] and q["wrong"]]
    result.update(open_f1=np.mean([row[1] for row in opened]), first=np.mean([row[3] for row in opened]),
                  withheld_area=area([row[2] for row in withheld], [row[2] for row in opened]))
    result["withheld_threshold"], result["withheld_none"] = at_loss(opened, withheld)
    return {key: round(float(value), 4) for key, value in result.items()}
