// SPDX-License-Identifier: Apache-2.0
#include "narthex/model/relabel.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include "narthex/base/check.h"
#include "narthex/base/go_format.h"
#include "narthex/base/letter_case.h"

namespace narthex::model {

namespace {

constexpr std::string_view kActionNames[] = {"replace",   "keep",      "drop",     "keepequal",
                                             "dropequal", "hashmod",   "labelmap", "labeldrop",
                                             "labelkeep", "lowercase", "uppercase"};

const Regex& DefaultRegex() {
  static const Regex regex = Regex::Compile("(.*)").value();
  return regex;
}

bool HasVariable(std::string_view text) { return text.find('$') != std::string_view::npos; }

bool IsValidName(std::string_view name, bool legacy) {
  return legacy ? IsLegacyLabelName(name) : !name.empty() && IsValidUtf8(name);
}

Error TooLong(std::string_view what, std::string_view name) {
  return Error(Code::kResourceExhausted,
               fmt::format("relabelling gives more than {} bytes for {} {}", kMaxLabelBytes, what,
                           go::Quote(name.substr(0, 100))));
}

Result<std::string> JoinSources(const LabelsBuilder& labels, const RelabelConfig& rule) {
  std::string value;
  for (std::size_t i = 0; i < rule.source_labels.size(); ++i) {
    if (i > 0) value += rule.separator;
    value += labels.Get(rule.source_labels[i]);
    if (value.size() > kMaxLabelBytes) return Fail(TooLong("source label", rule.source_labels[i]));
  }
  return value;
}

/// Sets what a rule made, within bounds.
Status SetMade(LabelsBuilder& labels, std::string_view name, std::string_view value) {
  if (name.size() > kMaxLabelBytes) return Fail(TooLong("a name", name));
  if (value.size() > kMaxLabelBytes) return Fail(TooLong("label", name));
  labels.Set(name, value);
  // What adds up to too much has to have a long value now and then.
  constexpr std::size_t kLong = std::size_t{64} << 10, kMaxTotal = 4 * kMaxLabelBytes;
  if (name.size() + value.size() < kLong) return {};
  std::size_t total = 0;
  for (const auto& [n, v] : labels.pairs()) total += n.size() + v.size();
  if (total <= kMaxTotal) return {};
  return Fail(Code::kResourceExhausted,
              fmt::format("relabelling gives labels of more than {} bytes together", kMaxTotal));
}

Status Replace(LabelsBuilder& labels, const RelabelConfig& rule, std::string_view value) {
  // A constant for an absent source needs no match, and the target is taken as it is.
  if (value.empty() && rule.regex.pattern() == DefaultRegex().pattern() &&
      !HasVariable(rule.target_label) && !HasVariable(rule.replacement)) {
    return SetMade(labels, rule.target_label, rule.replacement);
  }
  std::string target;
  if (!rule.regex.Expand(value, rule.target_label, target)) return {};
  if (!IsValidName(target, rule.legacy_names)) return {};
  std::string result;
  rule.regex.Expand(value, rule.replacement, result);
  return SetMade(labels, target, result);  // An empty result deletes the label.
}

/// The last eight bytes of MD5 as a big-endian number.
std::uint64_t HashForMod(std::string_view value) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const int ok = EVP_Digest(value.data(), value.size(), digest, &size, EVP_md5(), nullptr);
  NX_CHECK(ok == 1 && size == 16, "OpenSSL has no MD5");
  std::uint64_t hash = 0;
  for (std::size_t i = 8; i < 16; ++i) hash = hash << 8 | digest[i];
  return hash;
}

Status MapLabels(LabelsBuilder& labels, const RelabelConfig& rule) {
  const auto pairs = labels.pairs();  // A copy: the names that are set may match as well.
  for (const auto& [name, value] : pairs) {
    std::string target;
    if (!rule.regex.Expand(name, rule.replacement, target)) continue;
    NX_RETURN_IF_ERROR(SetMade(labels, target, value));
  }
  return {};
}

void DeleteLabels(LabelsBuilder& labels, const RelabelConfig& rule, bool matching) {
  std::vector<std::string> doomed;
  for (const auto& [name, value] : labels.pairs()) {
    if (rule.regex.Matches(name) == matching) doomed.push_back(name);
  }
  for (const std::string& name : doomed) labels.Delete(name);
}

/// @return false when the rule drops the set
Result<bool> Apply(LabelsBuilder& labels, const RelabelConfig& rule) {
  NX_ASSIGN_OR_RETURN(const std::string value, JoinSources(labels, rule));
  switch (rule.action) {
    case RelabelAction::kReplace:
      NX_RETURN_IF_ERROR(Replace(labels, rule, value));
      break;
    case RelabelAction::kKeep:
      return rule.regex.Matches(value);
    case RelabelAction::kDrop:
      return !rule.regex.Matches(value);
    case RelabelAction::kKeepEqual:
      return labels.Get(rule.target_label) == value;
    case RelabelAction::kDropEqual:
      return labels.Get(rule.target_label) != value;
    case RelabelAction::kHashMod:
      if (rule.modulus > 0) {
        labels.Set(rule.target_label, std::to_string(HashForMod(value) % rule.modulus));
      }
      break;
    case RelabelAction::kLabelMap:
      NX_RETURN_IF_ERROR(MapLabels(labels, rule));
      break;
    case RelabelAction::kLabelDrop:
      DeleteLabels(labels, rule, true);
      break;
    case RelabelAction::kLabelKeep:
      DeleteLabels(labels, rule, false);
      break;
    case RelabelAction::kLowercase:
      NX_RETURN_IF_ERROR(SetMade(labels, rule.target_label, ToLowerCase(value)));
      break;
    case RelabelAction::kUppercase:
      NX_RETURN_IF_ERROR(SetMade(labels, rule.target_label, ToUpperCase(value)));
      break;
  }
  return true;
}

}  // namespace

std::string_view RelabelActionName(RelabelAction action) {
  return kActionNames[static_cast<std::size_t>(action)];
}

RelabelConfig::RelabelConfig() : regex(DefaultRegex()) {}

Result<bool> Relabel(LabelsBuilder& labels, std::span<const RelabelConfig> rules) {
  for (const RelabelConfig& rule : rules) {
    NX_ASSIGN_OR_RETURN(const bool kept, Apply(labels, rule));
    if (!kept) return false;
  }
  return true;
}

}  // namespace narthex::model
