#!/usr/bin/env python3
"""Copies the installed onnxruntime to FOLDER such that it leaves AVX-512 alone, as on a machine that has AVX2 only.

ONNX Runtime has no setting for it. Its platform code (MLAS) asks whether the system saves AVX-512's registers,
`(xcr0 & 0xE0) == 0xE0`; in the copy the jump taken on "yes" is overwritten, so that its AVX2 kernels are chosen.
The copy is for measuring only. Fails where that code is not found exactly once.
"""
import pathlib
import re
import shutil
import sys

import onnxruntime

# not rax; test al, 0xe0; je AVX512
QUESTION = re.compile(rb"\x48\xf7\xd0\xa8\xe0\x0f\x84....", re.DOTALL)
JUMP_BYTES = 6
NOP = b"\x90"


def hold(library):
    code = library.read_bytes()
    found = list(QUESTION.finditer(code))
    if len(found) != 1:
        sys.exit(f"{library.name}: {len(found)} places look like the question for AVX-512: "
                 "this version of onnxruntime cannot be held to AVX2")
    end = found[0].end()
    library.write_bytes(code[:end - JUMP_BYTES] + NOP * JUMP_BYTES + code[end:])


def main(folder):
    copy = pathlib.Path(folder) / "onnxruntime"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(pathlib.Path(onnxruntime.__file__).parent, copy)
    [library] = copy.glob("capi/onnxruntime_pybind11_state*.so")
    hold(library)


if __name__ == "__main__":
    main(*sys.argv[1:])
