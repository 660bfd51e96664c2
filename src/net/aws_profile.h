// SPDX-License-Identifier: Apache-2.0
//
// The files that AWS's programs share: ~/.aws/config and ~/.aws/credentials.
// Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "narthex/base/result.h"

namespace narthex::net {

/// The settings of one profile, by their names in lower case.
class AwsProfile {
 public:
  /// "" when it is not set.
  std::string Get(std::string_view name) const;
  void Set(const std::string& name, std::string value) { values_[name] = std::move(value); }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

using AwsProfiles = std::map<std::string, AwsProfile>;

/// Adds the profiles of a file's text; what it says comes over what was known.
/// @param is_config  sections are named "profile NAME", but for "default"
void ReadAwsProfiles(std::string_view text, bool is_config, AwsProfiles& profiles);

/// Reads both files; one that is not there is like an empty one. Errors: kIo, kInvalidArgument.
Result<AwsProfiles> LoadAwsProfiles(const std::string& config_file,
                                    const std::string& credentials_file);

}  // namespace narthex::net
