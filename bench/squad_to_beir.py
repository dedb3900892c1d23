"""A SQuAD-format file as a BEIR folder, so that `fovea eval retrieval` can measure it: SQUAD.json OUT_DIR [tune|report|all].

Every paragraph is a document, every answerable question a query, its own paragraph the one relevant document.
`tune`: questions on the first half of the titles, sorted; `report`: on the others. Paragraphs are always all of the file.
"""

import json
import os
import sys

path, out = sys.argv[1], sys.argv[2]
part = sys.argv[3] if len(sys.argv) > 3 else "all"
articles = json.load(open(path, encoding="utf-8"))["data"]
titles = sorted({article["title"] for article in articles})
tune = set(titles[: len(titles) // 2])
chosen = {"tune": tune, "report": set(titles) - tune, "all": set(titles)}[part]

os.makedirs(out + "/qrels", exist_ok=True)
with open(out + "/corpus.jsonl", "w", encoding="utf-8") as corpus, open(
    out + "/queries.jsonl", "w", encoding="utf-8"
) as queries, open(out + "/qrels/test.tsv", "w", encoding="utf-8") as qrels:
    qrels.write("query-id\tcorpus-id\tscore\n")
    number = 0
    for article in articles:
        for paragraph in article["paragraphs"]:
            number += 1
            document = {"_id": f"p{number}", "title": "", "text": paragraph["context"]}
            corpus.write(json.dumps(document, ensure_ascii=False) + "\n")
            if article["title"] not in chosen:
                continue
            for question in paragraph["qas"]:
                if question.get("is_impossible"):
                    continue
                query = {"_id": question["id"], "text": question["question"]}
                queries.write(json.dumps(query, ensure_ascii=False) + "\n")
                qrels.write(f'{question["id"]}\tp{number}\t1\n')
