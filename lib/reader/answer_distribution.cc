#include "lib/reader/answer_distribution.h"

#include <algorithm>
#include <cmath>

#include "lib/text/sentences.h"

namespace fovea {
namespace {

// In order of size, so that the sum does not depend on the order of the terms.
double Sum(std::vector<double> terms) {
  std::sort(terms.begin(), terms.end());
  double sum = 0;
  for (const double term : terms) sum += term;
  return sum;
}

// values[w][t], logits of the windows' text tokens, become probabilities; gives that of none, of
// which every window has one.
double Softmax(std::span<const ReaderWindow> windows, std::vector<std::vector<double>>& values,
               std::vector<double> none) {
  double greatest = *std::max_element(none.begin(), none.end());
  for (const std::vector<double>& row : values) {
    for (const double value : row) greatest = std::max(greatest, value);
  }
  for (double& value : none) value = std::exp(value - greatest);
  std::vector<double> terms = none;
  for (std::size_t w = 0; w < values.size(); ++w) {
    for (double& value : values[w]) value = std::exp(value - greatest);
    terms.insert(terms.end(), values[w].begin() + static_cast<std::ptrdiff_t>(windows[w].own_begin),
                 values[w].begin() + static_cast<std::ptrdiff_t>(windows[w].own_end));
  }
  const double all = Sum(std::move(terms));
  for (std::vector<double>& row : values) {
    for (double& value : row) value /= all;
  }
  return Sum(std::move(none)) / all;
}

// token_logits [Tp] + fit − doubt, of the window's text tokens.
std::vector<double> TextLogits(const ReaderInput& passage, const ReaderWindow& window,
                               const std::vector<float>& token_logits, float fit) {
  std::vector<double> values;
  for (std::size_t t = 0; t < window.ranges.size(); ++t) {
    const float raised = fit - DoubtAt(passage, window.ranges[t].begin);
    values.push_back(static_cast<double>(token_logits[window.text + t]) +
                     static_cast<double>(raised));
  }
  return values;
}

float MeanOverQuestion(const Matrix& attention, std::size_t token) {
  if (attention.rows() == 0) return 0;
  float sum = 0;
  for (std::size_t q = 0; q < attention.rows(); ++q) sum += attention.row(q)[token];
  return sum / static_cast<float>(attention.rows());
}

// Sums what lies outside the window's own tokens; the rows of head_attention as they are otherwise.
PartAttention PartOf(const ReaderWindow& window, const WindowLogits& logits,
                     std::size_t first_token) {
  const Matrix& all = logits.head_attention;
  const std::size_t question = logits.attention.rows();
  PartAttention part{first_token, window.own_end - window.own_begin, {}};
  part.weights.reserve(all.rows() * (question + part.tokens + 1));
  const std::size_t own_begin = question + window.text + window.own_begin;
  const std::size_t own_end = own_begin + part.tokens;
  for (std::size_t r = 0; r < all.rows(); ++r) {
    const std::span<const float> row = all.row(r);
    part.weights.insert(part.weights.end(), row.begin(), row.begin() + question);
    part.weights.insert(part.weights.end(), row.begin() + own_begin, row.begin() + own_end);
    double rest = 0;
    for (std::size_t k = question; k < own_begin; ++k) rest += static_cast<double>(row[k]);
    for (std::size_t k = own_end; k < row.size(); ++k) rest += static_cast<double>(row[k]);
    part.weights.push_back(static_cast<float>(rest));
  }
  return part;
}

void AddTokens(const ReaderWindow& window, const WindowLogits& logits,
               const std::vector<double>& start, const std::vector<double>& end,
               PassageReading& reading) {
  if (logits.head_attention.rows() > 0)
    reading.parts.push_back(PartOf(window, logits, reading.tokens.size()));
  for (std::size_t t = window.own_begin; t < window.own_end; ++t) {
    reading.tokens.push_back({window.ranges[t], static_cast<float>(start[t]),
                              static_cast<float>(end[t]),
                              MeanOverQuestion(logits.attention, window.text + t)});
  }
}

void WeighSentences(std::span<const ByteRange> ranges, PassageReading& reading) {
  auto token = reading.tokens.begin();
  double passage = 0;
  for (std::size_t s = 0; s < ranges.size(); ++s) {
    const bool last = s + 1 == ranges.size();
    double weight = 0;
    for (; token != reading.tokens.end() && (last || token->range.begin < ranges[s + 1].begin);
         ++token)
      weight += (static_cast<double>(token->start) + static_cast<double>(token->end)) / 2;
    reading.sentences.push_back({ranges[s], static_cast<float>(weight)});
    passage += weight;
  }
  reading.weight = static_cast<float>(passage);
}

struct SpanCandidate {
  AnswerSpan span;
  double score = 0;
};

// For each token that a window owns, the likeliest span that starts there and ends in the same
// sentence.
void AddCandidates(const ReaderWindow& window, std::span<const ByteRange> sentences,
                   const std::vector<double>& start, const std::vector<double>& end,
                   std::vector<SpanCandidate>& candidates) {
  auto sentence = sentences.begin();
  for (std::size_t i = window.own_begin; i < window.own_end; ++i) {
    while (sentence != sentences.end() && sentence->end <= window.ranges[i].begin) ++sentence;
    std::size_t limit = i + 1;
    while (limit < std::min(i + kLongestAnswerTokens, end.size()) && sentence != sentences.end() &&
           window.ranges[limit].begin < sentence->end)
      ++limit;
    const auto best = std::max_element(end.begin() + static_cast<std::ptrdiff_t>(i),
                                       end.begin() + static_cast<std::ptrdiff_t>(limit));
    const auto j = static_cast<std::size_t>(best - end.begin());
    const double score = start[i] * *best;
    candidates.push_back({{window.passage,
                           {window.ranges[i].begin, window.ranges[j].end},
                           static_cast<float>(score)},
                          score});
  }
}

bool Overlap(const AnswerSpan& a, const AnswerSpan& b) {
  return a.passage == b.passage && Overlap(a.range, b.range);
}

std::vector<AnswerSpan> Likeliest(std::vector<SpanCandidate> candidates, std::size_t count) {
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const SpanCandidate& a, const SpanCandidate& b) { return a.score > b.score; });
  std::vector<AnswerSpan> spans;
  for (const SpanCandidate& candidate : candidates) {
    if (spans.size() == count) break;
    const bool taken = std::any_of(spans.begin(), spans.end(), [&](const AnswerSpan& span) {
      return Overlap(span, candidate.span);
    });
    if (!taken) spans.push_back(candidate.span);
  }
  return spans;
}

}  // namespace

AnswerDistribution Distribute(std::span<const ReaderInput> passages,
                              std::span<const ReaderWindow> windows,
                              std::span<const WindowLogits> logits, std::span<const float> fits) {
  AnswerDistribution distribution;
  if (windows.empty()) return distribution;
  std::vector<double> none;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    const ReaderInput& passage = passages[windows[w].passage];
    distribution.start.push_back(TextLogits(passage, windows[w], logits[w].start, fits[w]));
    distribution.end.push_back(TextLogits(passage, windows[w], logits[w].end, fits[w]));
    none.push_back(static_cast<double>(logits[w].none) + static_cast<double>(fits[w]));
  }
  distribution.none_start = Softmax(windows, distribution.start, none);
  distribution.none_end = Softmax(windows, distribution.end, std::move(none));
  return distribution;
}

Reading ReadDistribution(std::span<const ReaderInput> passages,
                         std::span<const ReaderWindow> windows,
                         std::span<const WindowLogits> logits,
                         const AnswerDistribution& distribution, std::size_t spans) {
  Reading reading;
  reading.passages.resize(passages.size());
  reading.none_weight = static_cast<float>((distribution.none_start + distribution.none_end) / 2);
  std::vector<std::vector<ByteRange>> sentences;
  for (const ReaderInput& input : passages)
    sentences.push_back(SplitSentences(input.passage->text));
  std::vector<SpanCandidate> candidates;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    const std::vector<double>& start = distribution.start[w];
    const std::vector<double>& end = distribution.end[w];
    AddTokens(windows[w], logits[w], start, end, reading.passages[windows[w].passage]);
    AddCandidates(windows[w], sentences[windows[w].passage], start, end, candidates);
  }
  for (std::size_t p = 0; p < passages.size(); ++p)
    WeighSentences(sentences[p], reading.passages[p]);
  reading.spans = Likeliest(std::move(candidates), spans);
  return reading;
}

}  // namespace fovea
