#!/usr/bin/env python3
"""Writes squad_scores.json: normalised texts, exact match and F1 as SQuAD 2.0's evaluation defines them.

Written from the definition (Rajpurkar et al. 2018, appendix; the text operations are Python's own str.lower, string.punctuation,
re's \\b and str.split), sharing nothing with the C++ code.
"""
import collections
import json
import pathlib
import re
import string

PAIRS = [
    ("the Norman Conquest", ["Norman conquest", "The Norman Conquest of 1066"]),
    ("in the 10th and 11th centuries", ["10th and 11th centuries", "in the 10th and 11th centuries"]),
    ("France.", ["France", "France", "in France"]),
    ("a cat sat on a mat", ["the cat sat on the mat today"]),
    ("cat cat cat dog", ["cat cat bird"]),
    ("", ["France"]),
    ("", []),
    ("something", []),
    ("the", ["a"]),
    ("the", []),
    ("THE  QUICK\tbrown\nfox", ["quick brown fox"]),
    ("U.S.A.", ["USA", "the U.S.A"]),
    ("it's an 'apple'", ["its apple", "apple"]),
    ("theatre of another an-other", ["atre of nother", "theatre another another"]),
    ("$1,000.50", ["1000.50", "1,00050 dollars"]),
    ("Müller\u00a0und Söhne", ["müller und söhne", "MÜLLER UND SÖHNE GmbH"]),
    ("ÉCOLE normale", ["école Normale supérieure"]),
    ("ΑΒΓ δ", ["αβγ Δ"]),
    ("İstanbul", ["i̇stanbul", "istanbul"]),
    ("“quoted” – text…", ["quoted text", "“quoted” – text…"]),
    ("a\u2003the\u3000wide space", ["wide space"]),
    ("x\u001cy\u0085z", ["x y z"]),
    ("日本 語 the 東京", ["日本語 東京", "日本 語 東京"]),
    ("a_b the_c an", ["ab thec", "ab the c"]),
    ("²the² ½an", ["²the² ½an", "² ² ½"]),
    ("e\u0301a the", ["e\u0301a", "e\u0301"]),
    ("one two three four", ["three four five six seven"]),
    ("A.", ["a", "b"]),
    ("42", ["42", "forty-two"]),
    ("emoji 😀 a", ["emoji 😀", "emoji"]),
]


def normalize(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def f1(prediction, gold):
    p, g = normalize(prediction).split(), normalize(gold).split()
    if not p or not g:
        return float(p == g)
    same = sum((collections.Counter(p) & collections.Counter(g)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(p), same / len(g)
    return 2 * precision * recall / (precision + recall)


cases = []
for prediction, answers in PAIRS:
    gold = [a for a in answers if normalize(a)] or [""]
    cases.append({
        "prediction": prediction,
        "answers": answers,
        "normalized": normalize(prediction),
        "exact": max(float(normalize(prediction) == normalize(a)) for a in gold),
        "f1": max(f1(prediction, a) for a in gold),
    })
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(cases, ensure_ascii=True, indent=0) + "\n")
