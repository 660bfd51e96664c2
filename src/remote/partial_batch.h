// SPDX-License-Identifier: Apache-2.0
//
// The samples of a shard that are not a request yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/uninit_vector.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/timestamp.h"
#include "narthex/proto/write_request.h"
#include "src/remote/batch.h"
#include "src/remote/series_store.h"

namespace narthex::remote {

/// Rows of 24 bytes; what does not fit into one is beside them. Thread safety: one thread.
class PartialBatch {
 public:
  void AddFloat(std::uint32_t series, model::TimestampMs t, model::TimestampMs start, double value);
  /// @param message  as proto::EncodeWriteHistogram writes it
  void AddHistogram(std::uint32_t series, model::TimestampMs t, std::string_view message);
  void AddExemplar(std::uint32_t series, const model::Exemplar& exemplar);

  /// Beside exemplars that wait for a sample.
  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }
  std::size_t num_exemplars() const { return num_exemplars_; }
  /// Bytes beside the rows.
  std::size_t extra_bytes() const { return extra_.size(); }
  std::size_t held_bytes() const;

  bool has_waiting() const { return !waiting_.empty(); }

  /// Makes a request of it, all but the mark, and empties it. In version 2 an exemplar has to be
  /// with a sample of its series; one whose sample has gone ahead waits for the next one.
  /// @param scratch  kept from one to the next
  /// @param all      nothing waits: exemplars go alone, and the endpoint may refuse them
  Batch Take(const SeriesStore& store, proto::WriteRequestWriter& writer,
             UninitVector<char>& scratch, bool all = false);

 private:
  enum class Kind : std::uint32_t { kFloat, kStartedFloat, kHistogram, kExemplar };
  struct Row {
    std::uint32_t series;
    std::uint32_t kind_and_bytes;  // Two bits of kind; how many bytes it has in extra_.
    model::TimestampMs t;
    std::uint64_t bits;  // The value, or where its bytes begin.
  };
  static constexpr unsigned kKindShift = 30;
  struct Exemplar {
    std::uint32_t series;
    model::TimestampMs t;
    std::string bytes;  // As in extra_.
  };
  // Those of a batch, by series; each series' in their order.
  using Exemplars = std::multimap<std::uint32_t, Exemplar>;

  void AddRow(std::uint32_t series, Kind kind, model::TimestampMs t, std::size_t offset);
  static Kind KindOf(const Row& row) { return static_cast<Kind>(row.kind_and_bytes >> kKindShift); }
  std::string_view BytesOf(const Row& row) const;
  void Write(const Row& row, const SeriesStore& store, proto::WriteRequestWriter& writer,
             ItemCounts& counts);
  Exemplars TakeExemplars();

  std::vector<Row> rows_;
  std::string extra_;
  std::size_t num_exemplars_ = 0;
  std::vector<Exemplar> waiting_;
};

}  // namespace narthex::remote
