// SPDX-License-Identifier: Apache-2.0
#include "narthex/model/matcher.h"

#include <utility>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"

namespace narthex::model {

std::string_view MatchOperator(MatchType type) {
  switch (type) {
    case MatchType::kEqual:
      return "=";
    case MatchType::kNotEqual:
      return "!=";
    case MatchType::kRegex:
      return "=~";
    case MatchType::kNotRegex:
      return "!~";
  }
  return "?";
}

Result<Matcher> Matcher::Create(MatchType type, std::string_view name, std::string_view value) {
  Matcher matcher(type, name, value);
  if (type == MatchType::kRegex || type == MatchType::kNotRegex) {
    NX_ASSIGN_OR_RETURN(auto regex, Regex::Compile(value));
    matcher.regex_ = std::make_shared<const Regex>(std::move(regex));
  }
  return matcher;
}

Matcher Matcher::Equal(std::string_view name, std::string_view value) {
  return {MatchType::kEqual, name, value};
}

Matcher Matcher::NotEqual(std::string_view name, std::string_view value) {
  return {MatchType::kNotEqual, name, value};
}

bool Matcher::Matches(std::string_view label_value) const {
  switch (type_) {
    case MatchType::kEqual:
      return label_value == value_;
    case MatchType::kNotEqual:
      return label_value != value_;
    case MatchType::kRegex:
      return regex_->Matches(label_value);
    case MatchType::kNotRegex:
      return !regex_->Matches(label_value);
  }
  return false;
}

std::string Matcher::ToString() const {
  std::string out = IsLegacyLabelName(name_) ? name_ : go::Quote(name_);
  out += MatchOperator(type_);
  out += go::Quote(value_);
  return out;
}

}  // namespace narthex::model
