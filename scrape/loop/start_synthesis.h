// SPDX-License-Identifier: Apache-2.0
//
// Works out when counters and histograms began that don't tell it: their first sample is taken for
// the start, not stored, and subtracted from those that follow until a reset.
// Source: Prometheus scrape/st_synthesis.go (feature st-synthesis).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <absl/container/flat_hash_map.h>

#include "narthex/base/hash.h"
#include "narthex/model/histogram.h"
#include "narthex/model/timestamp.h"

namespace narthex::scrape {

/// What is known of the series of one target, by the hash of their texts. One scrape is any number
/// of Adjust and Forget, then FinishScrape. Thread safety: one thread at a time.
class StartSynthesis {
 public:
  StartSynthesis();
  ~StartSynthesis();

  /// Whether the series has had its first sample.
  bool Knows(const Hash128& series) const;
  /// Whether this scrape has adjusted a sample of the series already.
  bool IsSeen(const Hash128& series) const;

  /// Makes the value one that was counted since the start.
  /// @return the start; nullopt = this is the first sample, which is not to be stored
  std::optional<model::TimestampMs> Adjust(const Hash128& series, model::TimestampMs t,
                                           double& value);
  /// The histogram is one that can be counted with, see CanAdjust.
  std::optional<model::TimestampMs> Adjust(const Hash128& series, model::TimestampMs t,
                                           model::AnyHistogram& histogram);
  /// Whether spans and buckets fit together, and the schema is one that there is. What a target
  /// sends was not looked at yet.
  static bool CanAdjust(const model::AnyHistogram& histogram);

  /// The next sample of the series is its first one again.
  void Forget(const Hash128& series);
  /// The same, but this scrape has had the series.
  void Reset(const Hash128& series);
  /// @param good  forgets the series that this scrape did not have; as does a scrape that failed
  ///              when those before have left too many
  void FinishScrape(bool good);

  std::size_t memory_bytes() const;

 private:
  struct HistogramState;
  struct State {
    State();
    State(State&&) noexcept;
    State& operator=(State&&) noexcept;
    ~State();

    model::TimestampMs start = 0;  // 0 = no sample yet.
    double before = 0;             // The last value, as it came.
    double at_start = 0;           // What is subtracted.
    std::unique_ptr<HistogramState> histogram;
    std::uint32_t scrape = 0;  // That had the series last.
  };
  struct Hasher {
    std::size_t operator()(const Hash128& hash) const { return hash.low; }
  };

  State& Touch(const Hash128& series);
  void DropHistogram(State& state);

  absl::flat_hash_map<Hash128, State, Hasher> states_;
  std::uint32_t scrape_ = 1;
  std::size_t good_size_ = 0;        // States after the last good scrape.
  std::size_t histogram_bytes_ = 0;  // Of all of them.
};

}  // namespace narthex::scrape
