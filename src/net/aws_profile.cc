// SPDX-License-Identifier: Apache-2.0
#include "src/net/aws_profile.h"

#include <sys/stat.h>

#include "src/net/file.h"
#include "src/net/http1.h"

namespace narthex::net {
namespace {

bool IsComment(std::string_view line) { return line.starts_with('#') || line.starts_with(';'); }

/// Ends a value where a comment begins: a blank and then a sign.
std::string_view WithoutComment(std::string_view value) {
  for (std::size_t i = 1; i < value.size(); ++i) {
    if ((value[i] == '#' || value[i] == ';') && (value[i - 1] == ' ' || value[i - 1] == '\t')) {
      return TrimSpace(value.substr(0, i));
    }
  }
  return value;
}

/// The profile that a section "[…]" is about; "" when it is about something else.
std::string ProfileOf(std::string_view section, bool is_config) {
  constexpr std::string_view kPrefix = "profile";
  if (!is_config) return std::string(section);
  if (section == "default") return "default";
  if (!section.starts_with(kPrefix) || section.size() == kPrefix.size()) return "";
  const char blank = section[kPrefix.size()];
  if (blank != ' ' && blank != '\t') return "";
  return std::string(TrimSpace(section.substr(kPrefix.size())));
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

bool Exists(const std::string& path) {
  struct stat info {};
  return !path.empty() && ::stat(path.c_str(), &info) == 0;
}

}  // namespace

std::string AwsProfile::Get(std::string_view name) const {
  const auto value = values_.find(name);
  return value == values_.end() ? "" : value->second;
}

void ReadAwsProfiles(std::string_view text, bool is_config, AwsProfiles& profiles) {
  AwsProfile* profile = nullptr;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    // A line that is set in belongs to a setting with parts of its own, none of which count here.
    if (line.starts_with(' ') || line.starts_with('\t')) continue;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = TrimSpace(line);
    if (line.empty() || IsComment(line)) continue;
    if (line.starts_with('[')) {
      const std::size_t close = line.find(']');
      const std::string name = close == std::string_view::npos
                                   ? ""
                                   : ProfileOf(TrimSpace(line.substr(1, close - 1)), is_config);
      profile = name.empty() ? nullptr : &profiles[name];
      continue;
    }
    const std::size_t equals = line.find('=');
    if (profile == nullptr || equals == std::string_view::npos) continue;
    profile->Set(LowerCase(TrimSpace(line.substr(0, equals))),
                 std::string(WithoutComment(TrimSpace(line.substr(equals + 1)))));
  }
}

Result<AwsProfiles> LoadAwsProfiles(const std::string& config_file,
                                    const std::string& credentials_file) {
  AwsProfiles profiles;
  for (const auto& [path, is_config] :
       {std::pair(config_file, true), std::pair(credentials_file, false)}) {
    if (!Exists(path)) continue;
    NX_ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(path));
    ReadAwsProfiles(text, is_config, profiles);
  }
  return profiles;
}

}  // namespace narthex::net
