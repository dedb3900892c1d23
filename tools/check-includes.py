#!/usr/bin/env python3
"""Fails on an #include that goes against the layers, on a library header outside its one home, and on two headers that
define a type of the same name: the linker would keep one's functions for both (of tests and benches, which are programs
of their own, no header counts).

    lib <- retriever <- generator <- tools;  inside lib: base <- text, kernels <- attention <- nn <- reader <- train
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = {
    "lib/base": [],
    "lib/text": ["lib/base"],
    "lib/kernels": ["lib/base"],
    "lib/attention": ["lib/base", "lib/kernels"],
    "lib/nn": ["lib/base", "lib/text", "lib/kernels", "lib/attention"],
    "lib/reader": ["lib/base", "lib/text", "lib/kernels", "lib/attention", "lib/nn"],
    "lib/train": ["lib"],
    "retriever": ["lib"],
    "generator": ["lib", "retriever"],
    "tools": ["lib", "retriever", "generator"],
    "tests": ["lib", "retriever", "generator", "tools"],
    "bench": ["lib", "retriever", "generator", "tools"],
    "examples": ["lib", "retriever", "generator"],
}
# Library -> folders that may include it.
HOMES = {
    r"faiss/": ["retriever", "bench"],
    r"sqlite3\.h": ["retriever", "tests"],
    r"boost/": ["tools"],
    r"gumbo\.h": ["retriever"],
    r"uchardet": ["retriever"],
    r"spdlog/": ["tools"],
    # In bench/: the loops that measure what a core can do at most.
    r"\w*intrin\.h": ["lib/kernels", "bench"],
}
# Of these, not even a header at home may.
NEVER_IN_HEADERS = r"faiss/|sqlite3\.h|boost/|\w*intrin\.h"


def layer_of(path):
    return max((l for l in LAYERS if path.startswith(l + "/")), key=len, default=None)


def problems(path):
    layer = layer_of(path)
    text = (ROOT / path).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        target = match.group(2)
        other = layer_of(target)
        if other and other != layer and not any((other + "/").startswith(a + "/") for a in LAYERS[layer]):
            yield f"{path}:{number}: {layer} may not include {target}"
        for pattern, homes in HOMES.items():
            if not re.match(pattern, target):
                continue
            if path.endswith(".h") and re.match(NEVER_IN_HEADERS, target):
                yield f"{path}:{number}: {target} may not be included by a header"
            elif not any(path.startswith(h + "/") for h in homes):
                yield f"{path}:{number}: {target} belongs in {' or '.join(homes)}"


def type_problems(headers):
    homes = {}
    for path in headers:
        text = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(r"^(?:struct|class|enum class|enum) (\w+)\b(?!::)[^;{]*{", text, re.MULTILINE):
            homes.setdefault(name, []).append(path)
    for name, paths in homes.items():
        if len(paths) > 1:
            yield f"{name} is defined in {' and in '.join(paths)}"


def main():
    files = [p.relative_to(ROOT).as_posix() for l in LAYERS for p in (ROOT / l).rglob("*") if p.suffix in (".h", ".cc")]
    files = sorted(set(files))
    found = [problem for path in files for problem in problems(path)]
    found += type_problems(p for p in files if p.endswith(".h") and not p.startswith(("tests/", "bench/")))
    print("\n".join(found) if found else f"Includes of {len(files)} files follow the layers.")
    return 1 if found else 0


sys.exit(main())
