// SPDX-License-Identifier: Apache-2.0
//
// The two forms of an answer, held as they came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/model/timestamp.h"
#include "src/remote/parted_set.h"
#include "src/remote/read_budget.h"

namespace narthex::remote {

/// What was asked, as far as the answer has to be cut to it.
struct AnswerScope {
  model::TimestampMs mint = 0, maxt = 0;  // Closed; other samples are passed over.
  std::vector<std::string> without{};     // Labels to leave out, sorted.
};

/// Chunks of a streamed answer, decoded when they are read. Thread safety: one thread while it is
/// made, then as a SeriesSet.
class ChunkedAnswer final : public PartedSet {
 public:
  ChunkedAnswer(std::shared_ptr<ReadBudget> budget, AnswerScope scope)
      : scope_(std::move(scope)), memory_(std::move(budget)) {}

  /// The message of a frame. Errors: kUnavailable, what is wrong with it; kResourceExhausted.
  Status Add(std::string_view message);
  /// When all frames are there.
  void Finish() { Arrange(); }

  AnswerMemory& memory() { return memory_; }

 protected:
  /// Errors: kCorruption, a chunk that can't be decoded.
  Status ReadPart(const Part& part, model::TimestampMs mint, model::TimestampMs maxt,
                  storage::SampleColumns& out) const override;

 private:
  struct Chunk {
    const char* bytes = nullptr;  // In a block.
    std::uint32_t size = 0;
    std::uint8_t encoding = 0;
  };

  Result<const char*> Store(std::string_view bytes);

  const AnswerScope scope_;
  AnswerMemory memory_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;  // In the last block.
  std::size_t room_ = 0;
  std::vector<Chunk> chunks_;
};

/// Samples of an answer that is no stream. Thread safety: as above.
class SampledAnswer final : public PartedSet {
 public:
  SampledAnswer(std::shared_ptr<ReadBudget> budget, AnswerScope scope)
      : scope_(std::move(scope)), memory_(std::move(budget)) {}

  /// The body, compressed with snappy. Errors: kUnavailable, what is wrong with it, in Prometheus's
  /// words; kResourceExhausted.
  Status Fill(std::string_view body);

  AnswerMemory& memory() { return memory_; }

 protected:
  Status ReadPart(const Part& part, model::TimestampMs mint, model::TimestampMs maxt,
                  storage::SampleColumns& out) const override;

 private:
  /// Where the samples of a part are. `begin` of the part is an index into these.
  struct Range {
    std::size_t floats = 0, floats_end = 0;
    std::size_t histograms = 0, histograms_end = 0;
  };

  Status FillFrom(std::string_view result);
  void Keep(storage::SampleColumns& samples, model::Labels labels);

  const AnswerScope scope_;
  AnswerMemory memory_;
  std::vector<Range> ranges_;
  std::vector<model::TimestampMs> t_;
  std::vector<double> v_;
  std::vector<model::TimestampMs> histogram_t_;
  std::vector<model::FloatHistogram> histograms_;
};

}  // namespace narthex::remote
