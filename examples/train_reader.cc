// Trains a reader on twenty questions and asks it one: train_reader OUT
//
// Needs fovea::lib and nothing else. Every question is read beside its own sentence and the next
// question's, so that the reader learns to tell them apart. `fovea train reader` does the same from
// files, with hard negatives from retrieval.

#include <iostream>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/thread_pool.h"
#include "lib/nn/encoder.h"
#include "lib/nn/model_path.h"
#include "lib/nn/safetensors.h"
#include "lib/reader/cross_attention_reader.h"
#include "lib/reader/reader_file.h"
#include "lib/train/reader_trainer.h"

namespace {

struct Lesson {
  const char* question;
  const char* text;
  const char* answer;  // as it stands in the text
};

constexpr Lesson kLessons[] = {
    {"When was the mill built?", "The mill by the weir was built in 1793.", "1793"},
    {"Who painted the altar?", "Marta Quill painted the altar in two summers.", "Marta Quill"},
    {"How deep is the lake?", "At its northern end the lake is 41 metres deep.", "41 metres"},
    {"What do the goats eat?", "All winter the goats eat beech leaves.", "beech leaves"},
    {"Where does the bus stop?", "The bus stops at the old tannery.", "the old tannery"},
    {"How long is the tunnel?", "The tunnel is two miles long.", "two miles"},
    {"Who runs the bakery?", "Since spring the bakery is run by Jon Pell.", "Jon Pell"},
    {"What colour is the door?", "The chapel's door is dark green.", "dark green"},
    {"When does the market open?", "On Fridays the market opens at six.", "at six"},
    {"What is the bridge made of?", "The bridge is made of larch.", "larch"},
    {"How many bells are there?", "In the tower there are seven bells.", "seven"},
    {"Who found the cave?", "The cave was found by a shepherd.", "a shepherd"},
    {"What does a ticket cost?", "A ticket costs nine crowns.", "nine crowns"},
    {"Where is the well?", "The well is behind the school.", "behind the school"},
    {"Which tree is the oldest?", "The oldest tree is a yew.", "a yew"},
    {"What did the storm break?", "The storm broke the eastern pier.", "the eastern pier"},
    {"Who keeps the lighthouse?", "Ada Fenn keeps the lighthouse.", "Ada Fenn"},
    {"When did the river freeze?", "The river froze in January.", "January"},
    {"What is the cheese called?", "They call the cheese Harrow Blue.", "Harrow Blue"},
    {"How far is the harbour?", "From here the harbour is an hour away.", "an hour"},
};
constexpr std::size_t kCount = std::size(kLessons);

class Lessons final : public fovea::ReaderExamples {
 public:
  explicit Lessons(const fovea::Encoder& encoder) : encoder_(encoder) {}
  std::size_t size() const override { return kCount; }

  fovea::ReaderQuestion Get(std::size_t index, std::uint64_t) const override {
    fovea::ReaderQuestion question;
    question.tokens = encoder_.Tokenize(kLessons[index].question);
    question.passages = {Passage(kLessons[index], true),
                         Passage(kLessons[(index + 1) % kCount], false)};
    return question;
  }

 private:
  fovea::ReaderPassage Passage(const Lesson& lesson, bool right) const {
    const std::string text = lesson.text;
    const fovea::Encoding encoding = encoder_.tokenizer().Encode(text);  // [CLS] text [SEP]
    fovea::ReaderPassage passage{.tokens = encoding.ids};
    if (!right) return passage;
    const std::size_t begin = text.find(lesson.answer);
    const std::size_t end = begin + std::string(lesson.answer).size();
    std::size_t first = passage.text;
    while (encoding.ranges[first].end <= begin) ++first;
    std::size_t last = first;
    while (encoding.ranges[last].end < end) ++last;
    passage.answers = {{first, last}};
    return passage;
  }

  const fovea::Encoder& encoder_;
};

double Loss(fovea::ReaderNetwork& network, const Lessons& lessons, fovea::ThreadPool& pool) {
  std::vector<fovea::ReaderQuestion> questions;
  for (std::size_t i = 0; i < kCount; ++i) questions.push_back(lessons.Get(i, 0));
  return network.ForwardBackward(questions, 0, {}, &pool).total(network.options().loss);
}

void Run(const std::string& path) {
  fovea::ThreadPool pool;
  const std::filesystem::path folder =
      fovea::ResolveModel(fovea::DefaultModelsFolder(), fovea::kDefaultEmbedder);
  const auto encoder = fovea::Encoder::Load(folder, &pool);
  const fovea::SafetensorsFile weights(folder / "model.safetensors");
  fovea::ReaderNetwork network(*encoder, weights, {}, /*seed=*/1);
  const Lessons lessons(*encoder);
  std::cout << "loss " << Loss(network, lessons, pool);
  fovea::ReaderTrainerOptions options;
  options.epochs = 12;
  options.batch_questions = 5;
  options.rate = 3e-4f;
  fovea::ReaderTrainer(network, lessons, options).Run({}, {}, {}, &pool);
  std::cout << ", after training " << Loss(network, lessons, pool) << '\n';

  fovea::ReaderFileInfo info = network.FileInfo();
  info.card = {{"data", "twenty questions"}};
  WriteReaderFile(path, info, network.Tensors());
  const fovea::CrossAttentionReader reader(path, *encoder, &pool);
  std::vector<fovea::Passage> passages(2);
  passages[0].text = kLessons[16].text;
  passages[1].text = kLessons[0].text;
  const std::vector<fovea::ReaderInput> inputs = {{&passages[0], {}, {}}, {&passages[1], {}, {}}};
  const fovea::AnswerSpan best = reader.Read(kLessons[0].question, inputs, &pool).spans.front();
  std::cout << kLessons[0].question << ' ' << fovea::Slice(passages[best.passage].text, best.range)
            << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::cerr << "usage: train_reader OUT\n";
    return 2;
  }
  Run(argv[1]);
} catch (const fovea::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
