// SPDX-License-Identifier: Apache-2.0
//
// The samples of an OpenMetrics file, for imports.
//
//   NX_ASSIGN_OR_RETURN(auto file, OpenMetricsFile::Open(path));
//   for (;;) {
//     NX_ASSIGN_OR_RETURN(const bool more, file->Next());
//     …
//   }
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"

namespace narthex::scrape {

/// Reads in one direction, as often as wanted; a regular file is mapped, not held in memory.
/// Thread safety: one thread.
class OpenMetricsFile final {
 public:
  /// Errors: kNotFound, kIo.
  static Result<std::unique_ptr<OpenMetricsFile>> Open(const std::string& path);
  ~OpenMetricsFile();

  /// Goes to the next sample, whose line is checked as a whole the first time it is read; metadata
  /// is passed over. False at "# EOF". Errors: kInvalidArgument "REASON (PATH, line N)" in
  /// Prometheus's wording; the file can't be read on then.
  Result<bool> Next();
  /// Begins anew.
  void Rewind();

  bool has_timestamp() const;
  model::TimestampMs timestamp() const;
  double value() const;
  /// The series of the current sample, __name__ among its labels. Errors: as Next.
  Result<model::Labels> ReadLabels() const;
  /// " (PATH, line N)" of the current sample, for errors about it.
  std::string Where() const;

 private:
  struct Impl;
  explicit OpenMetricsFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::scrape
