#include "tests/reference/reader_network.h"

#include <cmath>
#include <utility>

#include "lib/nn/encoder.h"

namespace fovea::reference {
namespace {

// −log P of the right starts or ends over the passages [begin, end).
double Span(const ReaderQuestion& question, const ReaderReference::Logits& logits, bool starts,
            std::size_t begin, std::size_t end) {
  double all = 0, right = 0, none = 0;
  bool answerable = false;
  for (std::size_t p = begin; p < end; ++p) {
    const std::vector<double>& row = (starts ? logits.start : logits.end)[p];
    const ReaderPassage& passage = question.passages[p];
    none += std::exp(logits.none[p]);
    for (std::size_t t = 0; t < row.size(); ++t) {
      all += std::exp(row[t]);
      for (const auto& [first, last] : passage.answers) {
        if (t + passage.text == (starts ? first : last)) right += std::exp(row[t]);
      }
    }
    answerable = answerable || !passage.answers.empty();
  }
  return -std::log((answerable ? right : none) / (all + none));
}

}  // namespace

ReaderReference::ReaderReference(const Encoder& encoder, const ReaderNetworkOptions& options,
                                 std::size_t heads, NamedValues parameters)
    : values(std::move(parameters)), encoder_(encoder), options_(options), heads_(heads) {}

ReaderReference::Logits ReaderReference::Forward(const ReaderQuestion& question) const {
  Logits logits;
  const DoubleMatrix asked = Apart(question.tokens);
  for (const ReaderPassage& passage : question.passages) {
    const DoubleMatrix joint = Joint(asked, Apart(passage.tokens));
    const auto head = [&](const std::string& name, std::size_t row, std::size_t output) {
      const DoubleMatrix& weight = values.at(name + ".weight");
      double sum = values.at(name + ".bias").values[output];
      for (std::size_t i = 0; i < joint.cols; ++i) sum += weight.at(output, i) * joint.at(row, i);
      return sum;
    };
    const DoubleMatrix& scores = values.at("score_weights");
    const double fit = head("passage_head", 0, 0) +
                       scores.values[0] * static_cast<double>(passage.scores[0]) +
                       scores.values[1] * static_cast<double>(passage.scores[1]);
    logits.passage.push_back(fit);
    logits.none.push_back(head("passage_head", 0, 1) + fit);
    logits.start.emplace_back();
    logits.end.emplace_back();
    for (std::size_t t = passage.text; t + 1 < passage.tokens.size(); ++t) {
      logits.start.back().push_back(head("token_head", asked.rows + t, 0) + fit);
      logits.end.back().push_back(head("token_head", asked.rows + t, 1) + fit);
    }
  }
  return logits;
}

double ReaderReference::Loss(const ReaderQuestion& question) const {
  const Logits logits = Forward(question);
  const std::size_t passages = question.passages.size();
  double loss = 0;
  for (const bool starts : {true, false}) {
    loss += Span(question, logits, starts, 0, passages);
    for (std::size_t p = 0; p < passages; ++p) {
      loss += static_cast<double>(options_.loss.local) / static_cast<double>(passages) *
              Span(question, logits, starts, p, p + 1);
    }
  }
  double all = 0, right = 0;
  for (std::size_t p = 0; p < passages; ++p) {
    all += std::exp(logits.passage[p]);
    if (!question.passages[p].answers.empty()) right += std::exp(logits.passage[p]);
  }
  if (right <= 0 || passages < 2) return loss;
  return loss - static_cast<double>(options_.loss.rank) * std::log(right / all);
}

DoubleMatrix ReaderReference::Layer(std::size_t index, const DoubleMatrix& x) const {
  return TransformerLayer(values, "encoder.layer." + std::to_string(index) + ".", x, heads_,
                          {0, x.rows}, static_cast<double>(encoder_.config().epsilon));
}

DoubleMatrix ReaderReference::Apart(const std::vector<TokenId>& tokens) const {
  const Matrix frozen = encoder_.HiddenStates(std::span(&tokens, 1), nullptr,
                                              static_cast<int>(options_.frozen_layers));
  DoubleMatrix x = ToDouble(frozen.view());
  for (std::size_t i = 0; i < options_.apart_layers; ++i) x = Layer(options_.frozen_layers + i, x);
  return x;
}

DoubleMatrix ReaderReference::Joint(DoubleMatrix x, const DoubleMatrix& passage) const {
  const DoubleMatrix& segment = values.at("segment");
  for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] += segment.values[i % x.cols];
  x.rows += passage.rows;
  x.values.insert(x.values.end(), passage.values.begin(), passage.values.end());
  for (std::size_t i = 0; i < options_.joint_layers; ++i)
    x = Layer(options_.frozen_layers + options_.apart_layers + i, x);
  return x;
}

}  // namespace fovea::reference
