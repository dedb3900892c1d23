// The learned reader: the network of lib/train/reader_network.h over a question and all passages.
//
// Passages longer than the model's window are read in overlapping parts, each a passage to the
// network. In int8 (the default) the states of a part are rounded to 8 bits before they meet the
// question, cached or not, so that the cache changes nothing in the result.

#pragma once

#include <filesystem>
#include <string>

#include "lib/reader/passage_state_cache.h"
#include "lib/reader/reader.h"
#include "lib/reader/reader_file.h"
#include "lib/reader/reader_model.h"
#include "lib/reader/reader_windows.h"

namespace fovea {

class CrossAttentionReader final : public Reader {
 public:
  // Borrows `base`, the encoder that the weights were trained on. Throws Error(kNotFound |
  // kUnsupported | kCorrupt | kMismatch) as ReaderFile and ReaderModel.
  CrossAttentionReader(const std::filesystem::path& file, const Encoder& base,
                       ThreadPool* pool = nullptr, Precision precision = Precision::kInt8);
  // The same of a file that is open already; it need not live on.
  CrossAttentionReader(const ReaderFile& file, const Encoder& base, ThreadPool* pool = nullptr,
                       Precision precision = Precision::kInt8);

  using Reader::Read;
  Reading Read(std::string_view question, std::span<const ReaderInput> passages,
               const ReadOptions& options, ThreadPool* pool) const override;
  float abstain_threshold() const override { return abstain_threshold_; }
  AnswerSigns answer_signs() const override { return answer_signs_; }
  std::string name() const override { return "cross-attention"; }

  // Borrows the cache (null: none). Not while another thread reads. Does nothing in f32.
  void UseCache(PassageStateCache* cache) { cache_ = cache; }
  // Computes and keeps the states of these passages. Does nothing without a cache, or in f32.
  void CacheStates(std::span<const Passage> passages, ThreadPool* pool) const;
  // Equal fingerprints give equal states of a passage: weights, base and instruction set.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  AttentionAxes Axes(std::string_view question, std::size_t tokens) const;
  void AddWindows(const Passage& passage, std::size_t number,
                  std::vector<ReaderWindow>& windows) const;
  // States of the windows, rounded in int8.
  std::vector<Matrix> StatesOf(std::span<const ReaderWindow> windows, ThreadPool* pool) const;
  std::vector<Matrix> RoundedStates(std::span<const ReaderWindow> windows, ThreadPool* pool) const;
  std::vector<float> Fits(std::span<const ReaderInput> passages,
                          std::span<const ReaderWindow> windows,
                          std::span<const WindowLogits> logits) const;

  ReaderModel model_;
  float abstain_threshold_;
  float retrieval_weight_;
  AnswerSigns answer_signs_;
  std::string fingerprint_;
  PassageStateCache* cache_ = nullptr;
};

}  // namespace fovea
