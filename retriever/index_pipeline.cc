#include "retriever/index_pipeline.h"

#include <utility>

namespace fovea {

IndexPipeline::IndexPipeline(ThreadPool& pool, std::function<void(std::uint64_t bytes)> embedded)
    : pool_(pool), embedded_(std::move(embedded)) {}

void IndexPipeline::Push(std::unique_ptr<DocumentGroup> group, std::stop_token stop) {
  group->Prepare();
  if (prepared_ != nullptr) EmbedPrepared(stop);
  prepared_ = std::move(group);
  // Nothing can go on beside a single thread: what is queued would only be lost later.
  if (pool_.size() == 1 || stop.stop_requested()) Drain(std::move(stop));
}

void IndexPipeline::Drain(std::stop_token stop) {
  if (prepared_ != nullptr) EmbedPrepared(std::move(stop));
  FinishWriting();
}

void IndexPipeline::EmbedPrepared(std::stop_token stop) {
  try {
    prepared_->Embed(counts_, std::move(stop));
  } catch (...) {
    FinishWriting();
    throw;
  }
  embedded_(prepared_->source_bytes());
  FinishWriting();
  written_ = std::move(prepared_);
  if (written_->empty()) return;
  writing_ = pool_.Post([group = written_.get()] { group->Write(); });
}

void IndexPipeline::FinishWriting() {
  writing_.Wait();
  written_.reset();
}

}  // namespace fovea
