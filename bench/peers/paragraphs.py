#!/usr/bin/env python3
"""Real English text to measure with, out of a folder of HTML pages: FOLDER OUT.

Writes OUT/paragraphs.txt (1,000 paragraphs of 115 words, one a line: about 160 tokens each) and OUT/documents/*.txt
(5,000 documents of 50 words). The same pages give the same text.
"""
import pathlib
import sys
from html.parser import HTMLParser

PARAGRAPHS, PARAGRAPH_WORDS = 1000, 115
DOCUMENTS, DOCUMENT_WORDS = 5000, 50


class Words(HTMLParser):
    """The words of the <p>, <li> and <dd> elements."""

    def __init__(self):
        super().__init__()
        self.open, self.hidden, self.words = 0, 0, []

    def handle_starttag(self, tag, attributes):
        self.open += tag in ("p", "li", "dd")
        self.hidden += tag in ("script", "style", "svg")

    def handle_endtag(self, tag):
        self.open = max(0, self.open - (tag in ("p", "li", "dd")))
        self.hidden = max(0, self.hidden - (tag in ("script", "style", "svg")))

    def handle_data(self, data):
        if self.open and not self.hidden:
            self.words += data.split()


def windows(words, size, count):
    return [" ".join(words[i * size:(i + 1) * size]) for i in range(min(count, len(words) // size))]


def main(folder, out):
    words = []
    for page in sorted(pathlib.Path(folder).rglob("*.html")):
        parser = Words()
        parser.feed(page.read_text(encoding="utf-8", errors="replace"))
        words += parser.words
    paragraphs = windows(words, PARAGRAPH_WORDS, PARAGRAPHS)
    documents = windows(words, DOCUMENT_WORDS, DOCUMENTS)
    if len(paragraphs) < PARAGRAPHS or len(documents) < DOCUMENTS:
        sys.exit(f"paragraphs.py: {folder} holds only {len(words)} words in HTML pages")
    out = pathlib.Path(out)
    (out / "documents").mkdir(parents=True, exist_ok=True)
    (out / "paragraphs.txt").write_text("\n".join(paragraphs) + "\n", encoding="utf-8")
    for index, document in enumerate(documents):
        (out / "documents" / f"{index:05}.txt").write_text(document + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
