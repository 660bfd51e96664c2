// SPDX-License-Identifier: Apache-2.0
//
// The functions that Prometheus adds to templates. Source: Prometheus template/template.go.

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "alerting/template/builtins.h"
#include "alerting/template/escape.h"
#include "alerting/template/go_time.h"
#include "alerting/template/humanize.h"
#include "narthex/base/go_format.h"
#include "narthex/base/go_int.h"
#include "narthex/base/letter_case.h"
#include "narthex/model/matcher.h"
#include "narthex/model/timestamp.h"

namespace narthex::alerting::tmpl {
namespace {

using Args = std::vector<Value>;

tl::unexpected<Error> Bad(std::string reason) { return Fail(Code::kExecution, std::move(reason)); }

const std::string& Text(const Value& value) { return *value.As<std::string>(); }

/// Numbers, durations that are no pointers and numeric strings.
Result<double> ToFloat(const Value& value) {
  if (const auto* d = value.As<double>()) return *d;
  if (const auto* i = value.As<std::int64_t>()) return static_cast<double>(*i);
  const auto* typed = value.As<TypedInteger>();
  if (typed != nullptr && typed->type == IntegerType::kInt64) {
    return static_cast<double>(typed->value);
  }
  const auto* duration = value.As<DurationValue>();
  if (duration != nullptr && !duration->pointer) return static_cast<double>(duration->ns) / 1e9;
  if (const auto* text = value.As<std::string>()) {
    const auto number = go::ParseFloat(*text);
    // Only a word is infinite itself.
    const bool out_of_range =
        number && std::isinf(*number) && text->find_first_of("nN") == text->npos;
    if (number && !out_of_range) return *number;
    return Bad(fmt::format("strconv.ParseFloat: parsing {}: {}", go::Quote(*text),
                           number ? "value out of range" : "invalid syntax"));
  }
  return Bad(fmt::format("can't convert {} to float", value.TypeName()));
}

template <std::string (*kFormat)(double)>
Result<Value> Humanized(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const double v, ToFloat(args[0]));
  return Value(kFormat(v));
}

/// A field of a sample as query gives it.
const Value& FieldOf(const Value& sample, std::string_view name) {
  static const Value kNone;
  for (const auto& [field, value] : (*sample.As<Value::Struct>())->fields) {
    if (field == name) return value;
  }
  return kNone;
}

std::string LabelOf(const Value& sample, const std::string& name) {
  const auto* labels = FieldOf(sample, "Labels").As<Value::Map>();
  if (labels == nullptr) return "";
  const auto found = (*labels)->entries.find(name);
  return found == (*labels)->entries.end() ? "" : found->second.ToString();
}

Result<Value> Query(const Environment& env, const Args& args) {
  if (!env.query) return Bad("queries are not possible here");
  return env.query(Text(args[0]));
}

Result<Value> First(const Environment&, const Args& args) {
  const auto& list = (*args[0].As<Value::List>())->items;
  if (list.empty()) return Bad("first() called on vector with no elements");
  return list.front();
}

Result<Value> Label(const Environment&, const Args& args) {
  return Value(LabelOf(args[1], Text(args[0])));
}
Result<Value> SampleValue(const Environment&, const Args& args) {
  return Value(FieldOf(args[0], "Value"));
}
Result<Value> StrValue(const Environment&, const Args& args) {
  return Value(LabelOf(args[0], "__value__"));
}

Result<Value> SortByLabel(const Environment&, const Args& args) {
  auto sorted = std::make_shared<ListValue>(**args[1].As<Value::List>());
  const std::string& name = Text(args[0]);
  std::stable_sort(sorted->items.begin(), sorted->items.end(), [&](const Value& a, const Value& b) {
    return LabelOf(a, name) < LabelOf(b, name);
  });
  return Value(Value::List(std::move(sorted)));
}

Result<std::optional<std::int64_t>> UnixMs(double seconds) {
  if (std::isnan(seconds) || std::isinf(seconds)) return std::nullopt;
  const double ns = seconds * 1e9;
  if (ns > 9223372036854775807.0 || ns < -9223372036854775808.0) {
    return Bad(
        fmt::format("{} cannot be represented as a nanoseconds timestamp since it overflows int64",
                    go::FormatFloatG(seconds)));
  }
  return static_cast<std::int64_t>(ns) / 1'000'000;  // In this order the rounding is Go's.
}

Result<Value> HumanizeTimestamp(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const double v, ToFloat(args[0]));
  NX_ASSIGN_OR_RETURN(const auto ms, UnixMs(v));
  if (!ms) return Value(go::FormatFloatG(v));
  return Value(FormatGoTime(TimeFromMs(*ms)));
}

Result<Value> ToTime(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const double v, ToFloat(args[0]));
  NX_ASSIGN_OR_RETURN(const auto ms, UnixMs(v));
  if (!ms) return Bad("value is NaN or Inf");
  return Value(TimeValue{TimeFromMs(*ms), true});
}

Result<Value> ToDuration(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const double v, ToFloat(args[0]));
  return Value(DurationValue{go::ToInt64(v * 1e9), true});
}

Result<Value> Now(const Environment& env, const Args&) {
  return Value(static_cast<double>(env.now_ms) / 1e3);
}

Result<Value> ParseDuration(const Environment&, const Args& args) {
  const std::string& text = Text(args[0]);
  const bool negative = text.starts_with('-');
  const auto ms = model::ParseDuration(std::string_view(text).substr(negative ? 1 : 0));
  if (!ms) return Bad(ms.error().message());
  return Value(static_cast<double>(negative ? -*ms : *ms) / 1e3);
}

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool InWord(char c) { return IsLetter(c) || IsDigit(c) || c == '_'; }

/// Whether a sign between two letters or digits does not end their word: "it's", "a.b".
bool JoinsWords(char c) { return c == '.' || c == '\'' || c == ':'; }

/// The first letter of each of Unicode's words becomes a capital, also behind digits: "1St".
Result<Value> Title(const Environment&, const Args& args) {
  std::string text = Text(args[0]);
  bool has_capital = false;  // The word that the loop is in.
  for (std::size_t i = 0; i < text.size(); ++i) {
    char& c = text[i];
    if (IsLetter(c)) {
      if (!std::exchange(has_capital, true) && c >= 'a' && c <= 'z') {
        c = static_cast<char>(c - 'a' + 'A');
      }
    } else if (!InWord(c)) {
      const bool inner = i > 0 && i + 1 < text.size() && InWord(text[i - 1]) && InWord(text[i + 1]);
      if (!inner || !JoinsWords(c)) has_capital = false;
    }
  }
  return Value(std::move(text));
}

Result<Value> ToUpper(const Environment&, const Args& args) {
  return Value(ToUpperCase(Text(args[0])));
}
Result<Value> ToLower(const Environment&, const Args& args) {
  return Value(ToLowerCase(Text(args[0])));
}

Result<Value> Match(const Environment&, const Args& args) {
  // Checked as it stands: an unbalanced ")" must not close the group around it.
  NX_RETURN_IF_ERROR(model::Regex::Compile(Text(args[0])));
  NX_ASSIGN_OR_RETURN(const auto regex,
                      model::Regex::Compile("(?s:.*?)(?-s:" + Text(args[0]) + ")(?s:.*)"));
  return Value(regex.Matches(Text(args[1])));
}

/// As Go's regexp.MustCompile names a pattern.
std::string QuotePattern(const std::string& pattern) { return Sprintf("%#q", {Value(pattern)}); }

Result<Value> ReReplaceAll(const Environment&, const Args& args) {
  const auto regex = model::Regex::Compile(Text(args[0]));
  if (!regex) {
    return Bad(fmt::format("regexp: Compile({}): {}", QuotePattern(Text(args[0])),
                           regex.error().message()));
  }
  return Value(regex->ReplaceAll(Text(args[2]), Text(args[1])));
}

/// "host:port" in its two parts; nullopt when it is not that. Source: net.SplitHostPort.
std::optional<std::pair<std::string, std::string>> SplitHostPort(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string::npos || close + 1 != colon) return std::nullopt;
    return std::pair(text.substr(1, close - 1), text.substr(colon + 1));
  }
  if (text.find(':') != colon || text.find_first_of("[]") != std::string::npos) {
    return std::nullopt;
  }
  return std::pair(text.substr(0, colon), text.substr(colon + 1));
}

Result<Value> StripPort(const Environment&, const Args& args) {
  const auto parts = SplitHostPort(Text(args[0]));
  return Value(parts ? parts->first : Text(args[0]));
}

bool IsIp(const std::string& host) {
  if (host.find(':') != std::string::npos) return true;
  int parts = 0;
  std::size_t begin = 0;
  while (begin <= host.size()) {
    const std::size_t end = std::min(host.find('.', begin), host.size());
    const std::string part = host.substr(begin, end - begin);
    const bool digits =
        !part.empty() && part.size() <= 3 &&
        std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
    const bool leading_zero = part.size() > 1 && part[0] == '0';
    if (!digits || leading_zero || std::stoi(part) > 255) return false;
    ++parts;
    begin = end + 1;
  }
  return parts == 4;
}

Result<Value> StripDomain(const Environment&, const Args& args) {
  const auto parts = SplitHostPort(Text(args[0]));
  const std::string host = parts ? parts->first : Text(args[0]);
  if (IsIp(host)) return args[0];
  std::string stripped = host.substr(0, host.find('.'));
  if (parts && !parts->second.empty()) stripped += ':' + parts->second;
  return Value(std::move(stripped));
}

Result<Value> GraphLink(const Environment&, const Args& args) {
  return Value(fmt::format("/graph?g0.expr={}&g0.tab=0", EscapeQuery(Text(args[0]))));
}
Result<Value> TableLink(const Environment&, const Args& args) {
  return Value(TableLinkPath(Text(args[0])));
}
Result<Value> PathPrefix(const Environment& env, const Args&) { return Value(env.path_prefix); }
Result<Value> ExternalUrl(const Environment& env, const Args&) { return Value(env.external_url); }

Result<Value> MakeArgs(const Environment&, const Args& args) {
  auto map = std::make_shared<MapValue>();
  map->kind = MapKind::kAny;
  for (std::size_t i = 0; i < args.size(); ++i) {
    map->entries.insert_or_assign(fmt::format("arg{}", i), args[i]);
  }
  return Value(Value::Map(std::move(map)));
}

Result<Value> RunTemplate(const Environment& env, const Args& args) {
  if (!env.run_template) return Bad("templates can't be executed here");
  if (++env.effort->calls > kMaxTemplateCalls) {
    return Bad(fmt::format("exceeded maximum template depth ({})", kMaxTemplateCalls));
  }
  auto text = env.run_template(Text(args[0]), args[1]);
  if (text) --env.effort->calls;  // A failure ends the whole execution.
  return text;
}

Result<Value> SafeHtml(const Environment&, const Args& args) {
  return Value(HtmlValue{Text(args[0])});
}
Result<Value> UrlQueryEscape(const Environment&, const Args& args) {
  return Value(EscapeQuery(Text(args[0])));
}

constexpr std::array<Function, 29> kFunctions = {{
    {"query", "s", false, false, Query},
    {"first", "l", false, false, First},
    {"label", "sp", false, false, Label},
    {"value", "p", false, false, SampleValue},
    {"strvalue", "p", false, false, StrValue},
    {"sortByLabel", "sl", false, false, SortByLabel},
    {"humanize", "a", false, false, Humanized<Humanize>},
    {"humanize1024", "a", false, false, Humanized<Humanize1024>},
    {"humanizeDuration", "a", false, false, Humanized<HumanizeDuration>},
    {"humanizePercentage", "a", false, false, Humanized<HumanizePercentage>},
    {"humanizeTimestamp", "a", false, false, HumanizeTimestamp},
    {"toTime", "a", false, false, ToTime},
    {"toDuration", "a", false, false, ToDuration},
    {"now", "", false, false, Now},
    {"parseDuration", "s", false, false, ParseDuration},
    {"title", "s", false, false, Title},
    {"toUpper", "s", false, false, ToUpper},
    {"toLower", "s", false, false, ToLower},
    {"match", "ss", false, false, Match},
    {"reReplaceAll", "sss", false, false, ReReplaceAll},
    {"stripPort", "s", false, false, StripPort},
    {"stripDomain", "s", false, false, StripDomain},
    {"graphLink", "s", false, false, GraphLink},
    {"tableLink", "s", false, false, TableLink},
    {"pathPrefix", "", false, false, PathPrefix},
    {"externalURL", "", false, false, ExternalUrl},
    {"args", "a", true, false, MakeArgs},
    {"safeHtml", "s", false, false, SafeHtml},
    {"urlQueryEscape", "s", false, false, UrlQueryEscape},
}};

// Only where templates are in files that have names for them.
constexpr std::array<Function, 1> kConsoleFunctions = {{{"tmpl", "sa", false, false, RunTemplate}}};

}  // namespace

std::span<const Function> PrometheusFunctions() { return kFunctions; }
std::span<const Function> ConsoleFunctions() { return kConsoleFunctions; }

}  // namespace narthex::alerting::tmpl
