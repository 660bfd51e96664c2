// SPDX-License-Identifier: Apache-2.0
//
// From the text of each flag to its typed value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "src/server/flag_arguments.h"
#include "src/server/flag_table.h"

namespace narthex::server {

/// Reads values, of given texts or defaults. The first failure is kept; what fails reads as zero.
class FlagValues final {
 public:
  explicit FlagValues(FlagTexts given) : given_(std::move(given)) {}

  std::string Text(std::string_view name) const;
  std::vector<std::string> List(std::string_view name) const;
  bool Bool(std::string_view name) const { return Text(name) == "true"; }
  std::int64_t Int(std::string_view name);
  std::uint64_t Bytes(std::string_view name);
  model::DurationMs Duration(std::string_view name);
  std::int64_t GoDurationNs(std::string_view name);

  /// Checks every given text against its kind.
  void CheckAll();
  /// The value as /api/v1/status/flags shows it.
  std::string Printed(const FlagSpec& flag);

  void Reject(std::string message);
  const std::optional<Error>& failure() const { return failure_; }

 private:
  template <typename T>
  T Take(Result<T> result, std::string_view name);
  void Check(const FlagSpec& flag);
  void CheckEnum(const FlagSpec& flag);

  FlagTexts given_;
  std::optional<Error> failure_;
};

}  // namespace narthex::server
