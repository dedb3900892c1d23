#!/usr/bin/env python3
"""Writes lib/text/unicode_tables.inc: what the tokenizers' own implementations say about every code point.

Each tokenizer carries the Unicode version of the libraries it was built with, so the tables are probed, not taken
from one Unicode release: Hugging Face `tokenizers` (normalisers, BERT pre-tokeniser) and llama.cpp (its exported
unicode_cpt_flags_from_cpt). Needs the Python packages tokenizers and llama-cpp-python.

usage: make_unicode_tables.py > unicode_tables.inc
"""

import ctypes
import pathlib
import sys
import unicodedata

import llama_cpp
import tokenizers
from tokenizers import normalizers, pre_tokenizers

# Bits of a code point; the same in unicode_tables.h.
BITS = ["CONTROL", "SPACE", "MARK", "PUNCTUATION", "DECOMPOSES", "LOWERS", "COMBINES",
        "BPE_LETTER", "BPE_NUMBER", "BPE_SPACE"]
BIT = {name: 1 << i for i, name in enumerate(BITS)}
HANGUL = range(0xAC00, 0xD7A4)


def code_points():
    return (c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF)


def bert(**on):
    flags = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**flags, **on}).normalize_str


def combining_class_probe():
    """combining class of c, found by how NFD sorts it between two marks of known classes."""
    nfd = normalizers.NFD().normalize_str
    low, high = "\u0334", "\u0345"  # Classes 1 and 240, the ends of the scale.

    def combines(c):
        return nfd(c + low) == low + c or nfd(high + c) == c + high or c in (low, high)

    # One mark of each class that the tokenizer's Unicode version has as well.
    known = {}
    for code in code_points():
        if combines(chr(code)) and unicodedata.combining(chr(code)):
            known.setdefault(unicodedata.combining(chr(code)), chr(code))
    classes = sorted(known)

    def probe(c):
        if not combines(c):
            return 0
        found = [k for k in classes if nfd(c + known[k]) == c + known[k] and nfd(known[k] + c) == known[k] + c]
        assert len(found) == 1, (hex(ord(c)), found)
        return found[0]

    return probe


def llama_flags():
    folder = pathlib.Path(llama_cpp.__file__).parent / "lib"
    function = ctypes.CDLL(str(folder / "libllama.so"))._Z26unicode_cpt_flags_from_cptj
    function.argtypes, function.restype = [ctypes.c_uint32], ctypes.c_uint16
    return function  # Bits: 1 number, 2 letter, 8 white space.


def probe():
    clean, strip, lower = bert(clean_text=True), bert(strip_accents=True), bert(lowercase=True)
    nfd, split = normalizers.NFD().normalize_str, pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    combining, llama = combining_class_probe(), llama_flags()
    bits, decompositions, lowers, classes = [0] * 0x110000, {}, {}, {}
    for code in code_points():
        c, value = chr(code), 0
        if clean(c) == "":
            value |= BIT["CONTROL"]
        words = len(split("a" + c + "a"))
        # White space to the cleaner and to the splitter is the same set; both are asked.
        assert (words == 2) == (clean(c) == " " or (words == 2 and clean(c) == "")), hex(code)
        if words == 2:
            value |= BIT["SPACE"]
        if words == 3:
            value |= BIT["PUNCTUATION"]
        if nfd(c) != c:
            value |= BIT["DECOMPOSES"]
            if code not in HANGUL:
                decompositions[code] = [ord(d) for d in nfd(c)]
        elif strip(c) == "":
            value |= BIT["MARK"]
        if lower(c) != c:
            value |= BIT["LOWERS"]
            lowers[code] = [ord(d) for d in lower(c)]
        if combining(c):
            value |= BIT["COMBINES"]
            classes[code] = combining(c)
        flags = llama(code)
        value |= BIT["BPE_NUMBER"] * bool(flags & 2) | BIT["BPE_LETTER"] * bool(flags & 4)
        value |= BIT["BPE_SPACE"] * bool(flags & 0x100)
        bits[code] = value
    return bits, decompositions, lowers, classes


def runs(values):
    """(first, last, value) of equal non-zero values."""
    out, first = [], None
    for code in range(len(values) + 1):
        value = values[code] if code < len(values) else 0
        if first is not None and value != values[first]:
            out.append((first, code - 1, values[first]))
            first = None
        if first is None and value:
            first = code
    return out


def table(name, rows):
    print(f"\ninline constexpr {name}[] = {{")
    line = "   "
    for row in rows:
        fields = [hex(v) if isinstance(v, int) else "{" + ", ".join(map(hex, v)) + "}" for v in row]
        item = " {" + ", ".join(fields) + "},"
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += item
    print(line + "\n};")


def main():
    if len(sys.argv) != 1:
        sys.exit(__doc__)
    bits, decompositions, lowers, classes = probe()
    assert max(map(len, decompositions.values())) <= 4
    assert all(len(to) == 1 for code, to in lowers.items() if code != 0x130) and len(lowers[0x130]) == 2
    print("// Made by lib/text/make_unicode_tables.py with tokenizers "
          f"{tokenizers.__version__} and llama-cpp-python {llama_cpp.__version__}; not to be edited.")
    table("BitsRun kBits", runs(bits))
    table("ClassRun kCombiningClasses", runs([classes.get(c, 0) for c in range(0x110000)]))
    table("Decomposition kDecompositions",
          [(code, to) for code, to in sorted(decompositions.items())])
    table("Lowering kLowerings", [(code, to) for code, to in sorted(lowers.items())])


if __name__ == "__main__":
    main()
