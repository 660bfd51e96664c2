// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/resolv_conf.h"

#include <algorithm>
#include <charconv>

namespace narthex::scrape {

namespace {

constexpr int kMaxNdots = 15;

std::vector<std::string> Fields(std::string_view line) {
  std::vector<std::string> fields;
  constexpr std::string_view kSpace = " \t\r\v\f";
  while (true) {
    const std::size_t from = line.find_first_not_of(kSpace);
    if (from == std::string_view::npos) return fields;
    line.remove_prefix(from);
    const std::size_t size = std::min(line.find_first_of(kSpace), line.size());
    fields.emplace_back(line.substr(0, size));
    line.remove_prefix(size);
  }
}

std::string WithDot(std::string name) {
  if (!name.ends_with('.')) name += '.';
  return name;
}

/// "a.b" has two.
int CountLabels(std::string_view name) {
  if (name.empty() || name == ".") return 0;
  if (name.ends_with('.')) name.remove_suffix(1);
  return static_cast<int>(std::count(name.begin(), name.end(), '.')) + 1;
}

int ParseNdots(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return 0;
  return std::clamp(number, 0, kMaxNdots);
}

}  // namespace

std::vector<std::string> ResolvConf::Candidates(const std::string& name) const {
  if (name.ends_with('.')) return {name};
  const std::string rooted = WithDot(name);
  const bool as_it_is_first = CountLabels(name) > ndots;
  std::vector<std::string> names;
  if (as_it_is_first) names.push_back(rooted);
  for (const std::string& domain : search) names.push_back(WithDot(rooted + domain));
  if (!as_it_is_first) names.push_back(rooted);
  return names;
}

ResolvConf ParseResolvConf(std::string_view text) {
  ResolvConf conf;
  constexpr std::string_view kNdots = "ndots:";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::vector<std::string> fields = Fields(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (fields.empty()) continue;
    const std::string keyword = fields[0];
    fields.erase(fields.begin());
    if (keyword == "nameserver") {
      if (!fields.empty()) conf.servers.push_back(fields[0]);
    } else if (keyword == "domain") {
      fields.resize(std::min<std::size_t>(fields.size(), 1));
      conf.search = std::move(fields);
    } else if (keyword == "search") {
      conf.search = std::move(fields);
    } else if (keyword == "options") {
      for (const std::string& option : fields) {
        if (option.starts_with(kNdots)) conf.ndots = ParseNdots(option.substr(kNdots.size()));
      }
    }
  }
  return conf;
}

}  // namespace narthex::scrape
