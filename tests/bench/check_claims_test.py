"""Tests of bench/check_claims.py: the folder of the script is the first argument."""
import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))
import check_claims  # noqa: E402


def claims(answer, evidence, question=""):
    return [(claim.kind, claim.text) for claim in check_claims.unsupported_claims(answer, evidence, question)]


class Numbers(unittest.TestCase):
    def test_one_value_is_found_however_it_is_written(self):
        for answer, evidence in (("It has 1234 men.", "1,234 men"), ("It has 1,234 men.", "1234 men"),
                                 ("It has 7 men.", "seven men"), ("It has Seven men.", "7 men"),
                                 ("It has 1.50 men.", "1.5 men"), ("The 20th.", "20 men"), ("It is 22m.", "22 m"),
                                 ("A twenty-two.", "twenty two"), ("It has 5.", "It has 5."), ("In 1871.", "1871,")):
            self.assertEqual(claims(answer, evidence), [], answer)

    def test_another_value_is_a_claim(self):
        self.assertEqual(claims("It has 1,234 men.", "12,345 men and 234 more"), [("number", "1,234")])
        self.assertEqual(claims("It has five men.", "six men"), [("number", "five")])
        self.assertEqual(claims("It is 3.5 m.", "35 m, 3 m"), [("number", "3.5")])

    def test_what_the_question_says_is_no_claim(self):
        self.assertEqual(claims("It has 12 men.", "men", "Has it twelve men?"), [])

    def test_one_is_a_pronoun(self):
        self.assertEqual(claims("It is one of them.", "It is of them."), [])


class Dates(unittest.TestCase):
    def test_one_day_is_found_however_it_is_written(self):
        for date in ("3 October 1856", "October 3, 1856", "3rd of October 1856", "1856-10-03", "Oct. 3, 1856",
                     "October 1856", "3 October"):
            self.assertEqual(claims(f"It was lit on {date}.", "lit on 3 October 1856"), [], date)

    def test_a_day_made_of_the_right_numbers_is_a_claim(self):
        evidence = "lit on 3 October 1856, moved on 4 May 1900"
        self.assertEqual(claims("It was lit on 4 October 1856.", evidence), [("date", "4 October 1856")])
        self.assertEqual(claims("It was lit on 3 May 1856.", evidence), [("date", "3 May 1856")])
        self.assertEqual(claims("It was lit on October 4, 1900.", evidence), [("date", "October 4, 1900")])

    def test_a_month_alone_or_a_verb_is_none(self):
        self.assertEqual(check_claims.find_dates("You may 12 times march in May."), [])


class Names(unittest.TestCase):
    def test_a_name_of_the_evidence_or_the_question_is_found(self):
        evidence = "IDA VARNHOLT's tower, by Anne-Marie O'Brien"
        for answer in ("It was Ida Varnholt.", "It is Varnholt's.", "By Anne-Marie.", "By Anne and O'Brien."):
            self.assertEqual(claims(answer, evidence), [], answer)
        self.assertEqual(claims("It is on Kell Point.", "It is there.", "Is it on Kell Point?"), [])

    def test_another_name_is_a_claim(self):
        self.assertEqual(claims("It was Ida Marlow.", "It was Ida Varnholt."), [("name", "Marlow")])

    def test_the_first_word_of_a_sentence_is_none(self):
        self.assertEqual(claims('Yes. Nobody came. "Perhaps" so: Never.\nOnly I.', "it"), [])

    def test_a_word_that_the_evidence_has_in_lower_case_is_none(self):
        self.assertEqual(claims("It is the Lighthouse.", "a lighthouse"), [])


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.squad = os.path.join(folder.name, "squad.json")
        with open(self.squad, "w", encoding="utf-8") as file:
            json.dump({"data": [{"title": "T", "paragraphs": [{"context": "Été. It has 5 men."}]}]}, file)

    def answer(self, **changes):
        return {"question": "How many?", "answer": "It has 5 men.", "source": "generated", "abstained": False,
                "citations": [{"document": "T#0", "begin": 7, "end": 20, "text": "It has 5 men."}],
                "gold": ["the 5 Men"], **changes}

    def check(self, *answers):
        return check_claims.check(answers, check_claims.Texts(self.squad))

    def test_a_sound_answer(self):
        self.assertEqual(self.check(self.answer()), {
            "questions": 1, "abstained": 0, "unsupported": 0, "unsupported_number": 0, "unsupported_date": 0,
            "unsupported_name": 0, "citations_exact": 1, "gold_in_citations": 1, "quoted": 0, "over_40_words": 0})

    def test_shares_are_of_the_answers_given(self):
        abstained = self.answer(abstained=True, answer="No.", source="none", citations=[])
        wrong = self.answer(answer="Of the 6 men of Sarn " + "very " * 40, source="quoted", gold=["6 men"])
        report = self.check(abstained, abstained, self.answer(), wrong)
        self.assertEqual(report["abstained"], 0.5)
        for name in ("unsupported", "unsupported_number", "unsupported_name", "quoted", "over_40_words",
                     "gold_in_citations"):
            self.assertEqual(report[name], 0.5, name)

    def test_a_citation_one_byte_off_or_of_an_unknown_document_is_not_exact(self):
        good = self.answer()["citations"][0]
        bad = [dict(good, begin=6, end=19), dict(good, document="T#1"), dict(good, text="It has 5 men"), good]
        self.assertEqual(self.check(self.answer(citations=bad))["citations_exact"], 0.25)

    def test_shares_of_nothing_are_null(self):
        report = check_claims.check([self.answer(gold=[])], check_claims.Texts())
        self.assertIsNone(report["citations_exact"])
        self.assertIsNone(report["gold_in_citations"])
        self.assertIsNone(self.check()["unsupported"])

    def test_training_data_names_its_contexts_as_squad_does(self):
        path = self.squad + ".jsonl"
        with open(path, "w", encoding="utf-8") as file:
            for context in ("a", "b", "a"):
                file.write(json.dumps({"title": "T", "context": context}) + "\n")
        self.assertEqual(dict(check_claims.squad_paragraphs(path)), {"T#0": b"a", "T#1": b"b"})


if __name__ == "__main__":
    unittest.main()
