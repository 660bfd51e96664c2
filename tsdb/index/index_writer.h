// SPDX-License-Identifier: Apache-2.0
//
// Writes a block's index file (version 2) as a stream: symbols, series, postings, tables.
// Format: docs/formats/index.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "tsdb/chunkenc/chunk.h"

namespace narthex::tsdb {

/// Order of calls: AddSymbol …, AddSeries …, Finish. Memory: the symbols, 12 bytes a series and
/// about 40 a label pair; posting lists are made in passes over the written series. Thread safety:
/// one thread. Errors: kIo; kInvalidArgument for input out of order, with Prometheus's wording.
class IndexWriter {
 public:
  /// @param postings_budget  list entries (4 bytes each) held at once; 0 = two a series, at least
  ///                         a million
  static Result<std::unique_ptr<IndexWriter>> Create(Fs& fs, std::string path,
                                                     std::size_t postings_budget = 0);
  virtual ~IndexWriter() = default;

  /// Ascending and unique; every label name and value that series use.
  virtual Status AddSymbol(std::string_view symbol) = 0;
  /// Ascending by labels; chunks ascending in time and ref.
  virtual Status AddSeries(const model::Labels& labels, std::span<const ChunkMeta> chunks) = 0;
  /// Writes the rest and syncs the file.
  virtual Status Finish() = 0;
  virtual std::uint64_t num_series() const = 0;
};

}  // namespace narthex::tsdb
