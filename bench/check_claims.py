#!/usr/bin/env python3
"""Checks what answers claim against what they cite. Shares no code with fovea.

  fovea ask --json --questions FILE | bench/check_claims.py --index DIR
  fovea eval qa --squad FILE --mode generate --answers A.jsonl; bench/check_claims.py A.jsonl --squad FILE

One JSON object on standard output; what a share is of stands in docs/commands.md under `eval`. --list prints on standard
error each claim that neither the cited evidence nor the question bears out.
"""
import argparse
import collections
import json
import re
import string
import subprocess
import sys
from decimal import Decimal

LONG_ANSWER_WORDS = 40
WRITTEN_NUMBERS = {word: Decimal(n) for n, word in enumerate(
    "one two three four five six seven eight nine ten eleven twelve".split(), 1)}
MONTHS = {name: number for number, names in enumerate(
    ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
     "september sept sep", "october oct", "november nov", "december dec"), 1) for name in names.split()}

# Capitalised: "may" and "march" are verbs, too.
MONTH = ("(?P<month>" + "|".join(form for name in sorted(MONTHS, key=len, reverse=True)
                                 for form in (name.capitalize(), name.upper())) + r")\b\.?")
DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
YEAR = r"(?P<year>\d{4})"
DATES = [re.compile(pattern) for pattern in (
    r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b",
    rf"\b{DAY}\s+(?:of\s+)?{MONTH}(?:,?\s+{YEAR}\b)?",
    rf"\b{MONTH}\s+{DAY}\b(?:,?\s+{YEAR}\b)?",
    rf"\b{MONTH},?\s+{YEAR}\b")]
NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|\d+(?:\.\d+)?")
WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
# What stands in front of a sentence's first word: nothing, or a sentence's end, and opening marks.
SENTENCE_START = re.compile(r"(?:^|[.!?:]['\"”’)\]]*\s|\n)[\s'\"“‘(\[\-*•]*$")

Claim = collections.namedtuple("Claim", "kind text")


def find_dates(text):
    """[((year, month, day), begin, end)], None for a part that is not said; later patterns only where earlier found none."""
    found = []
    for pattern in DATES:
        for match in pattern.finditer(text):
            if any(match.start() < end and begin < match.end() for _, begin, end in found):
                continue
            parts = match.groupdict()
            month = parts["month"].lower()
            month = int(month) if month.isdigit() else MONTHS[month]
            year, day = (int(parts[key]) if parts.get(key) else None for key in ("year", "day"))
            found.append(((year, month, day), match.start(), match.end()))
    return found


def find_numbers(text, written=WRITTEN_NUMBERS):
    """[(value, begin, end)] of numbers in digits and of those of `written` that stand as words."""
    found = [(Decimal(match.group().replace(",", "")), match.start(), match.end()) for match in NUMBER.finditer(text)]
    for match in WORD.finditer(text):
        for part in re.finditer(r"[^\W\d_]+", match.group()):
            if part.group().lower() in written:
                begin = match.start() + part.start()
                found.append((written[part.group().lower()], begin, begin + len(part.group())))
    return found


def base(word):
    """A word without its possessive ending, as names are compared."""
    return re.sub(r"['’]s$|['’]$", "", word)


def words_of(text):
    """Words, and the parts of those with a hyphen."""
    words = {base(word) for word in WORD.findall(text)}
    return words | {part for word in words for part in re.split(r"[-'’]", word)}


def find_names(text, lower_case):
    """[(name's word, begin)]: capitalised words inside a sentence, but for "I", numbers, and those of `lower_case`."""
    names = []
    for match in WORD.finditer(text):
        word = base(match.group())
        if not word[:1].isupper() or word == "I" or word.lower() in lower_case | WRITTEN_NUMBERS.keys():
            continue
        if not SENTENCE_START.search(text[:match.start()]):
            names.append((word, match.start()))
    return names


def same_date(said, known):
    return all(part is None or part == other for part, other in zip(said, known))


def unsupported_claims(answer, evidence, question):
    """Claims of `answer` found neither in `evidence` nor in `question`."""
    source = evidence + "\n" + question
    claims = []
    covered = []
    known_dates = [date for date, _, _ in find_dates(source)]
    for date, begin, end in find_dates(answer):
        covered.append((begin, end))
        if not any(same_date(date, known) for known in known_dates):
            claims.append(Claim("date", answer[begin:end]))
    inside = lambda begin: any(first <= begin < last for first, last in covered)
    known_numbers = {value for value, _, _ in find_numbers(source)}
    # "one" is a pronoun as often as a number.
    countable = {word: value for word, value in WRITTEN_NUMBERS.items() if word != "one"}
    for value, begin, end in find_numbers(answer, countable):
        if not inside(begin) and value not in known_numbers:
            claims.append(Claim("number", answer[begin:end]))
    known_words = words_of(source)
    folded = {word.casefold() for word in known_words}
    lower_case = {word for word in words_of(evidence) if word.islower()}
    for word, begin in find_names(answer, lower_case):
        parts = [part.casefold() for part in re.split(r"[-'’]", word)]
        if not inside(begin) and word.casefold() not in folded and not all(part in folded for part in parts):
            claims.append(Claim("name", word))
    return claims


def normalised(text):
    """As the official SQuAD script compares answers: lower case, no punctuation, no articles."""
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return [word for word in text.split() if word not in ("a", "an", "the")]


def holds(text, gold):
    """Whether the words of `gold` stand in a row in `text`."""
    words, wanted = normalised(text), normalised(gold)
    return bool(wanted) and any(words[i:i + len(wanted)] == wanted for i in range(len(words) - len(wanted) + 1))


class Texts:
    """Bytes of the documents that citations point into; None where they are not known."""

    def __init__(self, squad=None, index=None, fovea="fovea"):
        self.known = dict(squad_paragraphs(squad)) if squad else {}
        self.index, self.fovea = index, fovea

    def __bool__(self):
        return bool(self.known) or self.index is not None

    def __getitem__(self, document):
        if document not in self.known and self.index is not None:
            shown = subprocess.run([self.fovea, "show", "--index", self.index, "--", document], capture_output=True)
            self.known[document] = shown.stdout if shown.returncode == 0 else None
        return self.known.get(document)


def squad_paragraphs(path):
    """(name, bytes) of the paragraphs of a SQuAD file, or of the contexts of training data (.jsonl), named "title#i"."""
    number = collections.Counter()
    with open(path, encoding="utf-8") as file:
        if path.endswith(".jsonl"):
            lines = (json.loads(line) for line in file if line.strip())
            pairs = list(dict.fromkeys((line.get("title", ""), line["context"]) for line in lines))
        else:
            pairs = [(article.get("title", ""), paragraph["context"])
                     for article in json.load(file)["data"] for paragraph in article["paragraphs"]]
    for title, context in pairs:
        yield f"{title}#{number[title]}", context.encode()
        number[title] += 1


def cites_its_bytes(citation, texts):
    text = texts[citation["document"]]
    return text is not None and text[citation["begin"]:citation["end"]] == citation["text"].encode()


def share(count, of):
    return count / of if of else None


def check(answers, texts, report_claim=lambda answer, claim: None):
    counts = collections.Counter()
    for answer in answers:
        counts["questions"] += 1
        if answer["abstained"]:
            counts["abstained"] += 1
            continue
        citations = answer["citations"]
        evidence = "\n".join(citation["text"] for citation in citations)
        claims = unsupported_claims(answer["answer"], evidence, answer["question"])
        for claim in claims:
            report_claim(answer, claim)
        counts["unsupported"] += bool(claims)
        for kind in {claim.kind for claim in claims}:
            counts[kind] += 1
        counts["quoted"] += answer["source"] == "quoted"
        counts["long"] += len(answer["answer"].split()) > LONG_ANSWER_WORDS
        counts["citations"] += len(citations)
        counts["exact"] += sum(cites_its_bytes(citation, texts) for citation in citations) if texts else 0
        if answer.get("gold"):
            counts["with_gold"] += 1
            counts["gold_cited"] += any(holds(c["text"], gold) for c in citations for gold in answer["gold"])
    answered = counts["questions"] - counts["abstained"]
    return {"questions": counts["questions"],
            "abstained": share(counts["abstained"], counts["questions"]),
            "unsupported": share(counts["unsupported"], answered),
            "unsupported_number": share(counts["number"], answered),
            "unsupported_date": share(counts["date"], answered),
            "unsupported_name": share(counts["name"], answered),
            "citations_exact": share(counts["exact"], counts["citations"]) if texts else None,
            "gold_in_citations": share(counts["gold_cited"], counts["with_gold"]),
            "quoted": share(counts["quoted"], answered),
            "over_40_words": share(counts["long"], answered)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answers", nargs="?", help="JSON Lines (default: standard input)")
    parser.add_argument("--squad", help="the file of eval qa: its paragraphs are the documents")
    parser.add_argument("--index", help="the index that was asked: documents are what `fovea show` prints")
    parser.add_argument("--fovea", default="fovea", help="the program, for --index (default: fovea)")
    parser.add_argument("--list", action="store_true", help="print the claims that nothing bears out")
    options = parser.parse_args()
    lines = open(options.answers, encoding="utf-8") if options.answers else sys.stdin
    answers = [json.loads(line) for line in lines if line.strip()]

    def report(answer, claim):
        print(f"{claim.kind} {claim.text!r}: {answer['question']} -> {answer['answer']}", file=sys.stderr)

    texts = Texts(options.squad, options.index, options.fovea)
    print(json.dumps(check(answers, texts, report if options.list else lambda *_: None)))


if __name__ == "__main__":
    main()
