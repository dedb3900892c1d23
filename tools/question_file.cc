#include "tools/question_file.h"

#include <map>

#include "tools/reader_data.h"

namespace fovea::tools {

SquadFile ReadQuestionFile(const std::filesystem::path& file) {
  if (file.extension() != ".jsonl") return ReadSquad(file);
  const TrainingData data = ReadTrainingData({{file.string(), 1}}, false);
  SquadFile questions;
  std::map<std::string, std::size_t> of_title;
  for (const TrainingContext& context : data.contexts) {
    const std::string name = context.title + "#" + std::to_string(of_title[context.title]++);
    questions.paragraphs.push_back({name, context.title, context.text});
  }
  for (const TrainingQuestion& asked : data.questions) {
    SquadQuestion question{asked.id, asked.question, {}, asked.context};
    if (question.id.empty()) question.id = std::to_string(questions.questions.size() + 1);
    for (const ByteRange& range : asked.answers)
      question.answers.emplace_back(Slice(data.contexts[asked.context].text, range));
    questions.version_2 = questions.version_2 || question.answers.empty();
    questions.questions.push_back(std::move(question));
  }
  return questions;
}

}  // namespace fovea::tools
