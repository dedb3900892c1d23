#!/usr/bin/env python3
"""Writes texts.json, wordpiece.json and bpe.json beside this script: what Hugging Face `tokenizers` and llama.cpp make of
the texts in golden_texts.py and of every Unicode code point.

usage: make_token_goldens.py BERT_MODEL_FOLDER MODEL.gguf

Needs the Python packages tokenizers, llama-cpp-python and gguf. Longer sequences of ids, and the sweep over all code
points, are kept as hashes: FNV-1a, 64 bits, over the ids as little-endian int32, in hexadecimal.
"""

import copy
import json
import pathlib
import sys
import tempfile

import gguf
import llama_cpp
import tokenizers

from golden_texts import expand, texts

HERE = pathlib.Path(__file__).resolve().parent
MAX_IDS = 64  # Longer sequences are hashed.
USER_DEFINED = (3, 4, 5)  # Tokens that the variant "smollm+user" takes for user-defined ones.


def fnv(ids):
    value = 0xCBF29CE484222325
    for byte in b"".join(i.to_bytes(4, "little") for i in ids):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def short(ids):
    return ids if len(ids) <= MAX_IDS else {"count": len(ids), "fnv": fnv(ids)}


def block_text(block):
    """Each code point of a block alone, at a word's begin, at its end, and behind two spaces."""
    codes = [c for c in range(256 * block, 256 * block + 256) if not 0xD800 <= c <= 0xDFFF]
    return "".join(f"{chr(c)} x{chr(c)}y  {chr(c)}" for c in codes).encode()


def sweep(encode):
    return [fnv(encode(block_text(block)))[:8] for block in range(0x1100)]


def variants(original):
    """tokenizer.json with other normaliser flags and limits: (JSON merge patch, tokenizer)."""
    patches = [{"normalizer": {"lowercase": False}}, {"normalizer": {"lowercase": False, "strip_accents": True}},
               {"normalizer": {"strip_accents": False}}, {"normalizer": {"clean_text": False}},
               {"normalizer": {"handle_chinese_chars": False}}, {"model": {"max_input_chars_per_word": 5}}]
    for patch in patches:
        changed = copy.deepcopy(original)
        for part, values in patch.items():
            changed[part].update(values)
        yield patch, changed


def load(config):
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(config))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda raw: tokenizer.encode(raw.decode("utf-8", "replace")).ids


def wordpiece(folder, raws):
    original = json.loads((folder / "tokenizer.json").read_text())
    encode = load(original)
    return {"made_with": f"tokenizers {tokenizers.__version__}", "ids": [short(encode(raw)) for raw in raws],
            "sweep": sweep(encode),
            "variants": [{"patch": patch, "hashes": [fnv(load_variant(raw)) for raw in raws]}
                         for patch, changed in variants(original) for load_variant in [load(changed)]]}


def write_vocabulary(path, fields, types, pre):
    """A GGUF file with the vocabulary of `fields` and another pre-tokeniser, enough for llama.cpp's vocab_only."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(fields["tokenizer.ggml.tokens"].contents())
    writer.add_token_merges(fields["tokenizer.ggml.merges"].contents())
    writer.add_token_types(types)
    writer.add_context_length(512)
    writer.add_embedding_length(8)
    writer.add_block_count(1)
    writer.add_feed_forward_length(8)
    writer.add_head_count(1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def bpe(model, raws):
    fields = gguf.GGUFReader(model).fields
    types = fields["tokenizer.ggml.token_type"].contents()
    golden = {"made_with": f"llama-cpp-python {llama_cpp.__version__}", "models": []}
    for name in ("smollm", "gpt-2", "llama-bpe", "qwen2", "smollm+user"):
        changed = [4 if name.endswith("+user") and i in USER_DEFINED else t for i, t in enumerate(types)]
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/vocabulary.gguf"
            write_vocabulary(path, fields, changed, name.split("+")[0])
            llama = llama_cpp.Llama(path, vocab_only=True, verbose=False)
            encode = lambda raw: llama.tokenize(raw, add_bos=False, special=False) if raw else []
            golden["models"].append({
                "pre": name.split("+")[0], "user_defined": list(USER_DEFINED) if name.endswith("+user") else [],
                "ids": [short(encode(raw)) if name == "smollm" else fnv(encode(raw)) for raw in raws],
                "sweep": sweep(encode)})
    shipped = llama_cpp.Llama(str(model), vocab_only=True, verbose=False)
    first = [short(shipped.tokenize(raw, add_bos=False, special=False)) if raw else [] for raw in raws]
    assert first == golden["models"][0]["ids"], "the rewritten vocabulary differs from the model's own"
    return golden


def write(name, value):
    with open(HERE / name, "w", encoding="ascii") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    entries = texts()
    raws = [expand(entry) for entry in entries]
    assert len(entries) >= 300
    write("texts.json", entries)
    write("wordpiece.json", wordpiece(pathlib.Path(sys.argv[1]), raws))
    write("bpe.json", bpe(sys.argv[2], raws))
    print(f"{len(entries)} texts")


if __name__ == "__main__":
    main()
