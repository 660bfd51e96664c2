// SPDX-License-Identifier: Apache-2.0
#include "web/push/group_labels.h"

#include <algorithm>

#include <fmt/format.h>

#include "narthex/model/labels.h"
#include "web/api/name_escaping.h"

namespace narthex::web {
namespace {

constexpr std::string_view kBase64Suffix = "@base64";
// Each metric of the group gets all of them.
constexpr std::size_t kMostLabels = 64;

/// What a failed decoding got to.
struct Base64Failure {
  std::string decoded;
  std::size_t at = 0;
};

int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

/// The alphabet for URLs, line ends ignored, without padding, as Go's base64.RawURLEncoding.
tl::expected<std::string, Base64Failure> DecodeBase64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  unsigned bits = 0;
  int digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' || text[i] == '\n') continue;
    const int digit = Base64Digit(text[i]);
    if (digit < 0) return tl::unexpected(Base64Failure{std::move(out), i});
    bits = bits << 6 | static_cast<unsigned>(digit);
    if (++digits < 4) continue;
    for (const int shift : {16, 8, 0}) out += static_cast<char>(bits >> shift & 0xff);
    bits = 0;
    digits = 0;
  }
  if (digits == 1) return tl::unexpected(Base64Failure{std::move(out), text.size() - 1});
  if (digits >= 2) out += static_cast<char>(bits >> (6 * digits - 8) & 0xff);
  if (digits == 3) out += static_cast<char>(bits >> 2 & 0xff);
  return out;
}

std::string FailureText(const Base64Failure& failure) {
  return fmt::format("illegal base64 data at input byte {}", failure.at);
}

/// Between slashes; an empty path has no segment.
std::vector<std::string_view> Segments(std::string_view path) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t end = std::min(path.find('/'), path.size());
    out.push_back(path.substr(0, end));
    if (end == path.size()) return out;
    path.remove_prefix(end + 1);
  }
}

Result<std::string> ReadLabelName(std::string_view written, proto::NameRule rule) {
  const bool utf8 = rule == proto::NameRule::kUtf8;
  const std::string name = utf8 ? UnescapeName(written) : std::string(written);
  const bool valid =
      utf8 ? !name.empty() && model::IsValidUtf8(name) : model::IsLegacyLabelName(name);
  if (!valid || written.starts_with("__")) {
    return Fail(Code::kInvalidArgument, "improper label name " + proto::QuoteTold(written));
  }
  return name;
}

}  // namespace

Result<GroupingLabels> ParseGroupPath(std::string_view path, bool base64_job,
                                      proto::NameRule rule) {
  const std::size_t slash = std::min(path.find('/'), path.size());
  std::string job(path.substr(0, slash));
  path.remove_prefix(slash);
  if (base64_job) {
    auto decoded = DecodeBase64(job);
    if (!decoded) {
      return Fail(Code::kInvalidArgument, fmt::format("invalid base64 encoding in job name {}: {}",
                                                      proto::QuoteTold(decoded.error().decoded),
                                                      FailureText(decoded.error())));
    }
    job = std::move(*decoded);
  }
  GroupingLabels labels;
  if (path.size() > 1) {
    const auto slashes = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
    if (slashes > 2 * kMostLabels) {
      return Fail(Code::kInvalidArgument, fmt::format("more than {} grouping labels", kMostLabels));
    }
    const auto segments = Segments(path.substr(1));
    if (segments.size() % 2 != 0) {
      return Fail(Code::kInvalidArgument,
                  "odd number of components in label string " + proto::QuoteTold(path));
    }
    for (std::size_t i = 0; i < segments.size(); i += 2) {
      std::string_view written = segments[i];
      const bool base64 = written.ends_with(kBase64Suffix);
      if (base64) written.remove_suffix(kBase64Suffix.size());
      NX_ASSIGN_OR_RETURN(std::string name, ReadLabelName(written, rule));
      std::string value(segments[i + 1]);
      if (base64) {
        auto decoded = DecodeBase64(value);
        if (!decoded) {
          return Fail(
              Code::kInvalidArgument,
              fmt::format("invalid base64 encoding for label {}={}: {}", proto::Told(written),
                          proto::QuoteTold(value), FailureText(decoded.error())));
        }
        value = std::move(*decoded);
      }
      labels.insert_or_assign(std::move(name), std::move(value));
    }
  }
  if (job.empty()) return Fail(Code::kInvalidArgument, "job name is required");
  labels.insert_or_assign(std::string(model::kJobLabel), std::move(job));
  return labels;
}

std::string GroupKey(const GroupingLabels& labels) {
  std::string key;
  for (const auto& [name, value] : labels) {
    key.append(name).append(1, '\xff').append(value).append(1, '\xff');
  }
  return key;
}

std::size_t GroupingLabelBytes(const GroupingLabels& labels,
                               const proto::FamiliesByName& families) {
  std::size_t bytes = sizeof(proto::FamilyMetric::labels[0]);  // Of the instance.
  for (const auto& [name, value] : labels) {
    bytes += sizeof(proto::FamilyMetric::labels[0]) + name.size() + value.size();
  }
  std::size_t metrics = 0;
  for (const auto& [name, family] : families) metrics += family.metrics.size();
  return metrics * bytes;
}

void ApplyGroupingLabels(const GroupingLabels& labels, proto::MetricFamily& family) {
  GroupingLabels all = labels;
  const auto instance = all.try_emplace(std::string(model::kInstanceLabel)).first;
  const bool own_instance = labels.contains(instance->first);
  for (auto& metric : family.metrics) {
    const auto by_name = [](const auto& a, const auto& b) { return a.first < b.first; };
    std::stable_sort(metric.labels.begin(), metric.labels.end(), by_name);
    std::size_t at = 0;
    const std::size_t had = metric.labels.size();
    for (auto it = all.begin(); it != all.end(); ++it) {
      while (at < had && metric.labels[at].first < it->first) ++at;
      if (at == had || metric.labels[at].first != it->first) {
        metric.labels.emplace_back(*it);
      } else if (it != instance || own_instance) {
        // Of a name that is there twice only the first one is set; the check refuses it anyway.
        metric.labels[at].second = it->second;
      }
    }
    std::inplace_merge(metric.labels.begin(),
                       metric.labels.begin() + static_cast<std::ptrdiff_t>(had),
                       metric.labels.end(), by_name);
  }
}

}  // namespace narthex::web
