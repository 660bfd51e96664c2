// SPDX-License-Identifier: Apache-2.0
//
// Text format 0.0.4 read into metric families, line by line, with expfmt's rules and wording.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "narthex/proto/metric_family.h"
#include "src/proto/text_tokens.h"

namespace narthex::proto {
namespace {

constexpr double kNotSet = std::numeric_limits<double>::quiet_NaN();

std::optional<double> ReadFloat(std::string_view text) {
  if (text.find_first_of("pP_") != std::string_view::npos) return std::nullopt;
  const auto v = go::ParseFloat(text);
  // Too large for a double.
  if (v && std::isinf(*v) && std::any_of(text.begin(), text.end(), IsDigit)) return std::nullopt;
  return v;
}

/// What Go's conversion makes of a float on this kind of machine: negative numbers wrap around.
std::uint64_t ToUint64(double v) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  constexpr std::uint64_t kTop = std::uint64_t{1} << 63;
  if (std::isnan(v)) return kTop;
  if (v >= kTwoTo63) {
    return v >= 2 * kTwoTo63 ? kTop : static_cast<std::uint64_t>(v);
  }
  if (v < -kTwoTo63) return kTop;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(v));
}

/// What a line's name says beyond its family's.
enum class Part : std::uint8_t { kPlain, kCount, kSum };

struct Suffix {
  std::string_view text;
  Part part;
  bool of_summary;
};
constexpr Suffix kSuffixes[] = {
    {"_count", Part::kCount, true}, {"_sum", Part::kSum, true}, {"_bucket", Part::kPlain, false}};

bool IsHistogram(FamilyType type) {
  return type == FamilyType::kHistogram || type == FamilyType::kGaugeHistogram;
}

/// A histogram counts in whole numbers or in floats, not in both.
void MakeUniform(Distribution& d) {
  bool floats = d.count_float != 0;
  for (const auto& bucket : d.buckets) floats = floats || bucket.count_float != 0;
  if (!floats) return;
  d.is_float = true;
  const auto convert = [](std::uint64_t& count, double& count_float) {
    if (count_float == 0) count_float = static_cast<double>(count);
    count = 0;
  };
  convert(d.count, d.count_float);
  for (auto& bucket : d.buckets) convert(bucket.count, bucket.count_float);
}

class TextReader : private TextTokens {
 public:
  TextReader(std::string_view body, NameRule rule, std::size_t max_bytes)
      : TextTokens(body, max_bytes), rule_(rule) {}

  Result<FamiliesByName> Run() {
    while (ReadLine()) {
    }
    if (!error_.empty()) {
      return Fail(room_used_up_ ? Code::kResourceExhausted : Code::kInvalidArgument,
                  std::move(error_));
    }
    FamiliesByName out;
    for (auto& [name, open] : families_) {
      if (open.family.metrics.empty()) continue;
      for (auto& metric : open.family.metrics) {
        if (metric.distribution && IsHistogram(open.family.type)) MakeUniform(*metric.distribution);
      }
      out.emplace(name, std::move(open.family));
    }
    return out;
  }

 private:
  struct OpenFamily {
    MetricFamily family;
    bool has_type = false;
    std::unordered_map<std::string, std::size_t> by_labels;  // Of a summary or histogram.
  };

  // All of these give false at the end and when error_ is set.

  bool ReadLine() {
    if (!BeginLine()) return false;
    if (current_ == '\n') return true;
    if (current_ == '#') return ReadComment();
    labels_.clear();
    key_labels_.clear();
    if (!many_names_.empty()) many_names_ = {};
    quantile_ = bucket_ = kNotSet;
    if (current_ == '{') {
      family_ = nullptr;
      return ReadLabels(true) && ReadValue();
    }
    if (!ReadName(true)) return false;
    if (token_.empty()) return Complain("invalid metric name");
    if (!ChooseFamily() || !SkipBlanksHere()) return false;
    GiveType();
    if (current_ == '{' && !ReadLabels(false)) return false;
    return ReadValue();
  }

  bool ReadComment() {
    if (!SkipBlanks()) return false;
    if (current_ == '\n') return true;
    if (!ReadWord()) return false;
    if (current_ == '\n') return true;
    const bool help = token_ == "HELP";
    if (!help && token_ != "TYPE") {
      while (current_ != '\n') {
        if (!Advance()) return false;
      }
      return true;
    }
    if (!SkipBlanks() || !ReadName(true)) return false;
    if (current_ == '\n') return true;
    if (!IsBlank(current_)) return Complain("invalid metric name in comment");
    if (!ChooseFamily() || !SkipBlanks()) return false;
    if (current_ == '\n') return true;
    return help ? ReadHelp() : ReadType();
  }

  bool ReadHelp() {
    MetricFamily& family = family_->family;
    if (family.help) {
      return Complain("second HELP line for metric name " + QuoteTold(family.name));
    }
    if (!ReadRest(true)) return false;
    family.help = token_;
    return true;
  }

  bool ReadType() {
    MetricFamily& family = family_->family;
    if (family_->has_type) {
      return Complain(
          fmt::format("second TYPE line for metric name {}, or TYPE reported after samples",
                      QuoteTold(family.name)));
    }
    if (!ReadRest(false)) return false;
    std::string upper = token_;
    for (char& c : upper) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    if (upper == "GAUGEHISTOGRAM") upper = "GAUGE_HISTOGRAM";
    for (const auto type :
         {FamilyType::kCounter, FamilyType::kGauge, FamilyType::kSummary, FamilyType::kUntyped,
          FamilyType::kHistogram, FamilyType::kGaugeHistogram}) {
      if (upper != FamilyTypeName(type)) continue;
      family.type = type;
      family_->has_type = true;
      return true;
    }
    return Complain("unknown metric type " + QuoteTold(token_));
  }

  /// From the opening brace to what follows the closing one.
  /// @param name_inside  the metric's name stands among the labels
  bool ReadLabels(bool name_inside) {
    bool has_name = !name_inside;
    for (;;) {
      if (!SkipBlanks()) return false;
      if (current_ == '}') break;
      if (!ReadName(false)) return false;
      if (token_.empty()) {
        return Complain("invalid label name for metric " + QuoteTold(FamilyName()));
      }
      if (!SkipBlanksHere()) return false;
      if (current_ != '=') {
        if (!name_inside) {
          return Complain("expected '=' after label name, found " + QuoteByte(current_));
        }
        if (has_name)
          return Complain("multiple metric names for metric " + QuoteTold(FamilyName()));
        if (current_ != ',' && current_ != '}') {
          return Complain("unexpected end of metric name " + QuoteByte(current_));
        }
        if (!ChooseFamily()) return false;
        GiveType();
        has_name = true;
        if (current_ == '}') break;
        continue;
      }
      if (!ReadLabel()) return false;
      if (current_ == '}') break;
      if (current_ != ',') {
        return Complain("unexpected end of label value " + QuoteTold(token_));
      }
    }
    if (family_ == nullptr) return Complain("invalid metric name");
    return SkipBlanks();
  }

  /// The name is in token_, the '=' in current_. Afterwards the value is in token_.
  bool ReadLabel() {
    const std::string name = token_;
    if (name == model::kMetricName) {
      return Complain(fmt::format("label name {} is reserved", QuoteTold(name)));
    }
    if (rule_ == NameRule::kUtf8 ? name.empty() || !model::IsValidUtf8(name)
                                 : !model::IsLegacyLabelName(name)) {
      return Complain("invalid label name " + QuoteTold(name));
    }
    const FamilyType type = family_ == nullptr ? FamilyType::kUntyped : family_->family.type;
    const bool is_quantile = type == FamilyType::kSummary && name == "quantile";
    const bool is_bucket = IsHistogram(type) && name == model::kBucketLabel;
    if (!is_quantile && !is_bucket && HasLabel(name)) {
      return Complain("duplicate label names for metric " + QuoteTold(FamilyName()));
    }
    if (labels_.size() == kMostMetricLabels) {
      return Complain(fmt::format("more than {} labels", kMostMetricLabels));
    }
    if (!SkipBlanks()) return false;
    if (current_ != '"') {
      return Complain("expected '\"' at start of label value, found " + QuoteByte(current_));
    }
    if (!ReadLabelValue()) return false;
    if (!model::IsValidUtf8(token_)) return Complain("invalid label value " + QuoteTold(token_));
    if (is_quantile || is_bucket) {
      const auto number = ReadFloat(token_);
      if (!number) {
        return Complain(
            fmt::format("expected float as value for '{}' label, got {}", name, QuoteTold(token_)));
      }
      (is_quantile ? quantile_ : bucket_) = *number;
    } else {
      labels_.emplace_back(name, token_);
    }
    return SkipBlanks();
  }

  /// Whether the line has it already. Many labels are looked up in a set, which this adds to.
  bool HasLabel(const std::string& name) {
    constexpr std::size_t kFewLabels = 16;
    if (labels_.size() < kFewLabels) {
      return std::any_of(labels_.begin(), labels_.end(),
                         [&](const auto& label) { return label.first == name; });
    }
    if (many_names_.empty()) {
      for (const auto& label : labels_) many_names_.insert(label.first);
    }
    return !many_names_.insert(name).second;
  }

  bool ReadValue() {
    FamilyMetric& metric = ChooseMetric();
    if (room_used_up_ || !ReadWord()) return false;
    const auto value = ReadFloat(token_);
    if (!value) return Complain("expected float as value, got " + QuoteTold(token_));
    if (!SetValue(metric, *value)) return false;
    return current_ == '\n' || ReadTimestamp(metric);
  }

  bool ReadTimestamp(FamilyMetric& metric) {
    if (!SkipBlanks() || !ReadWord()) return false;
    std::string_view digits = token_;
    if (digits.starts_with('+') && digits.size() > 1 && IsDigit(digits[1])) digits.remove_prefix(1);
    std::int64_t timestamp = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, timestamp);
    if (failure != std::errc() || stop != end) {
      return Complain("expected integer as timestamp, got " + QuoteTold(token_));
    }
    metric.timestamp_ms = timestamp;
    if (!ReadRest(false)) return false;
    if (!token_.empty()) {
      return Complain("spurious string after timestamp: " + QuoteTold(token_));
    }
    return true;
  }

  bool SetValue(FamilyMetric& metric, double value) {
    constexpr std::size_t kPartFactor = 2;  // A vector may be half empty.
    const MetricFamily& family = family_->family;
    metric.kind = KindOf(family.type);
    if (metric.kind != MetricKind::kSummary && metric.kind != MetricKind::kHistogram) {
      metric.value = value;
      return true;
    }
    if (!metric.distribution) {
      metric.distribution = std::make_unique<Distribution>();
      if (!Take(sizeof(Distribution))) return false;
    }
    Distribution& d = *metric.distribution;
    if (part_ == Part::kSum) {
      d.sum = value;
      d.has_sum = true;
    } else if (metric.kind == MetricKind::kSummary) {
      if (part_ == Part::kCount) {
        d.count = ToUint64(value);
        d.has_count = true;
      } else if (!std::isnan(quantile_)) {
        d.quantiles.push_back({quantile_, value});
        return Take(kPartFactor * sizeof(ExposedQuantile));
      }
    } else if (part_ == Part::kCount) {
      d.has_count = true;
      return SetCount(value, "count", d.count, d.count_float);
    } else if (!std::isnan(bucket_)) {
      FamilyBucket bucket{.upper_bound = bucket_};
      if (!SetCount(value, "bucket population", bucket.count, bucket.count_float)) return false;
      d.buckets.push_back(bucket);
      return Take(kPartFactor * sizeof(FamilyBucket));
    }
    return true;
  }

  bool SetCount(double value, std::string_view what, std::uint64_t& count, double& count_float) {
    const std::uint64_t whole = ToUint64(value);
    if (value == static_cast<double>(whole)) {
      count = whole;
    } else if (value < 0) {
      return Complain(
          fmt::format("negative {} for histogram {}", what, QuoteTold(family_->family.name)));
    } else {
      count_float = value;
    }
    return true;
  }

  /// The metric that the line is of: a new one, but for summaries and histograms.
  FamilyMetric& ChooseMetric() {
    auto& metrics = family_->family.metrics;
    const MetricKind kind = KindOf(family_->family.type);
    if (kind == MetricKind::kSummary || kind == MetricKind::kHistogram) {
      key_labels_ = labels_;
      std::sort(key_labels_.begin(), key_labels_.end());
      std::string key;
      for (const auto& [name, value] : key_labels_) {
        key.append(name).append("\xff").append(value).append("\xff");
      }
      constexpr std::size_t kIndexBytes = 64;  // Beside the key.
      const std::size_t bytes = kIndexBytes + key.size();
      const auto [known, added] = family_->by_labels.emplace(std::move(key), metrics.size());
      if (!added) return metrics[known->second];
      (void)Take(bytes);
    }
    FamilyMetric& metric = metrics.emplace_back();
    metric.labels = labels_;
    (void)Take(metric.HeldBytes());
    return metric;
  }

  /// The family that the name in token_ belongs to, which may be made by this.
  bool ChooseFamily() {
    if (rule_ == NameRule::kUtf8 ? token_.empty() || !model::IsValidUtf8(token_)
                                 : !model::IsLegacyMetricName(token_)) {
      return Complain("invalid metric name " + QuoteTold(token_));
    }
    part_ = Part::kPlain;
    const auto known = families_.find(token_);
    if (known != families_.end()) {
      family_ = &known->second;
      return true;
    }
    for (const Suffix& suffix : kSuffixes) {
      if (token_.size() <= suffix.text.size() || !token_.ends_with(suffix.text)) continue;
      const auto base = families_.find(token_.substr(0, token_.size() - suffix.text.size()));
      if (base == families_.end()) continue;
      const FamilyType type = base->second.family.type;
      if (!IsHistogram(type) && (type != FamilyType::kSummary || !suffix.of_summary)) continue;
      family_ = &base->second;
      part_ = suffix.part;
      return true;
    }
    family_ = &families_[token_];
    family_->family.name = token_;
    return Take(sizeof(*family_) + 2 * token_.size());
  }

  void GiveType() { family_->has_type = true; }  // Untyped when nothing was said.

  std::string_view FamilyName() const {
    return family_ == nullptr ? std::string_view() : family_->family.name;
  }

  const NameRule rule_;
  std::unordered_map<std::string, OpenFamily> families_;
  OpenFamily* family_ = nullptr;  // Of the line.
  Part part_ = Part::kPlain;
  std::vector<std::pair<std::string, std::string>> labels_, key_labels_;
  std::unordered_set<std::string> many_names_;  // Of the line's labels, see HasLabel.
  double quantile_ = kNotSet, bucket_ = kNotSet;
};

}  // namespace

Result<FamiliesByName> ParseFamilyText(std::string_view body, NameRule rule,
                                       std::size_t max_bytes) {
  return TextReader(body, rule, max_bytes).Run();
}

}  // namespace narthex::proto
