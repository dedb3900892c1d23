"""Token ids of chats as Jinja and llama.cpp give them: MODEL.gguf OUT.json

The template comes out of the GGUF and is rendered by Jinja as Hugging Face does; llama.cpp tokenises the text with
special tokens parsed. Needs jinja2, gguf and llama-cpp-python.
"""

import json
import sys

import gguf
import jinja2.sandbox
from llama_cpp import Llama

CHATS = [
    [("user", "What is a fovea?")],
    [("system", "Answer in one short sentence."), ("user", "How high is it?")],
    [("system", ""), ("user", "")],
    [("user", "First question?"), ("assistant", "First answer."), ("user", "And then?")],
    [("system", "Zwölf Boxkämpfer.\n"), ("user", "  leading and trailing space  \n\n"), ("assistant", "日本語 🦊")],
    [("user", "def f(x):\n\treturn x ** 2  # 1234567\n\n\n[1] a\r\n[2] b")],
    [("user", "Sources:\n[1] It is 4,401 metres high.\n\nQuestion: How high?")],
]

reader = gguf.GGUFReader(sys.argv[1])
template = reader.fields["tokenizer.chat_template"].contents()
environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
model = Llama(sys.argv[1], vocab_only=True, verbose=False)

cases = []
for chat in CHATS:
    messages = [{"role": role, "content": text} for role, text in chat]
    text = environment.from_string(template).render(messages=messages, add_generation_prompt=True)
    ids = model.tokenize(text.encode(), add_bos=False, special=True)
    cases.append({"messages": messages, "ids": ids})
with open(sys.argv[2], "w", encoding="utf-8") as out:
    json.dump(cases, out, ensure_ascii=False, separators=(",", ":"))
    out.write("\n")
