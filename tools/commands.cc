#include "tools/command.h"

namespace fovea::tools {

const std::vector<CommandEntry>& Commands() {
  static const std::vector<CommandEntry> commands = {
      {"index", "PATH…", "add files and folders, or bring them up to date",
       "Folders are read recursively; hidden files, the index folder and symlink loops are left "
       "out. A second run does "
       "only what changed: new, modified, renamed and deleted files under the given paths. Reads "
       "plain text, Markdown, "
       "HTML, source code and BEIR corpus.jsonl files.",
       MakeIndexCommand},
      {"remove", "PATH…", "take documents out of the index",
       "PATH names documents, their files, or folders above them, as they were indexed.",
       MakeRemoveCommand},
      {"status", "", "show what is in the index", "", MakeStatusCommand},
      {"verify", "", "check the stores against each other, their checksums and the model",
       "Exit status 1 if there is a problem.", MakeVerifyCommand},
      {"show", "DOCUMENT", "print a document's text, the one that byte ranges refer to", "",
       MakeShowCommand},
      {"search", "QUERY", "ranked passages for a query", "", MakeSearchCommand},
      {"ask", "QUESTION", "a cited answer", "Several words need no quotes.", MakeAskCommand},
      {"chat", "", "cited answers over several turns",
       "Reads a question a line from standard input. A follow-up is searched with the earlier "
       "turns "
       "that it leans on. /help lists what else can be typed.",
       MakeChatCommand},
      {"read", "--question Q FILE…", "the reader alone over given files, without an index",
       "Each file is one passage; a long one is read in overlapping parts. \"-\" is standard "
       "input.",
       MakeReadCommand},
      {"embed", "[FILE|-]", "one text a line to unit vectors", "", MakeEmbedCommand},
      {"tokenize", "[FILE|-]", "one text a line to token ids", "", MakeTokenizeCommand},
      {"generate", "[PROMPT|-]", "the decoder alone", "", MakeGenerateCommand},
      {"eval retrieval", "--beir DIR", "retrieval metrics on a BEIR folder",
       "Indexes the folder (corpus.jsonl, queries.jsonl, qrels/test.tsv) into a temporary index, "
       "removed afterwards.",
       MakeEvalRetrievalCommand},
      {"eval qa", "--squad FILE", "answer metrics on a SQuAD file (v1.1 or v2.0)", "",
       MakeEvalQaCommand},
      {"eval questions", "FILE", "page retrieval, and answers, on an existing index",
       "FILE: one JSON object a line with \"question\", \"document\" (matched from the end of the "
       "path; null if there is "
       "none), and optionally \"id\", \"answer\" (a text or a list of them), \"answerable\".",
       MakeEvalQuestionsCommand},
      {"eval conversations", "FILE", "page retrieval of follow-up questions, on an existing index",
       "FILE: one JSON object a line with \"turns\", a list of questions as those of eval "
       "questions, and optionally \"id\" and \"split\".",
       MakeEvalConversationsCommand},
      {"train reader", "--data FILE… --out FILE", "train or fine-tune the reader", "",
       MakeTrainReaderCommand},
      {"bench", "[PART…]", "timings of the parts on this machine",
       "Parts: kernels, embed, search, read, generate, ask; all of them by default.",
       MakeBenchCommand},
  };
  return commands;
}

}  // namespace fovea::tools
