// SPDX-License-Identifier: Apache-2.0
//
// The functions that Prometheus adds to templates. Source: Prometheus template/template.go.

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <optional>

#include <fmt/core.h>

#include "alerting/template/builtins.h"
#include "alerting/template/escape.h"
#include "alerting/template/humanize.h"
#include "narthex/base/go_format.h"
#include "narthex/base/letter_case.h"
#include "narthex/model/matcher.h"
#include "narthex/model/timestamp.h"

namespace narthex::alerting::tmpl {
namespace {

using Args = std::vector<Value>;

tl::unexpected<Error> Bad(std::string reason) { return Fail(Code::kExecution, std::move(reason)); }

const std::string& Text(const Value& value) { return *value.As<std::string>(); }

/// Numbers, durations and numeric strings.
Result<double> ToFloat(const Value& value) {
  if (const auto* d = value.As<double>()) return *d;
  if (const auto* i = value.As<std::int64_t>()) return static_cast<double>(*i);
  if (const auto* d = value.As<DurationValue>()) return static_cast<double>(d->ns) / 1e9;
  if (const auto* text = value.As<std::string>()) {
    if (const auto number = go::ParseFloat(*text)) return *number;
    return Bad(fmt::format("strconv.ParseFloat: parsing {}: invalid syntax", go::Quote(*text)));
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
  return Value(Value(TimeValue{*ms}).ToString());
}

Result<Value> ToTime(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const double v, ToFloat(args[0]));
  NX_ASSIGN_OR_RETURN(const auto ms, UnixMs(v));
  if (!ms) return Value();
  return Value(TimeValue{*ms});
}

Result<Value> ToDuration(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const double v, ToFloat(args[0]));
  if (!UnixMs(v) || std::isnan(v) || std::isinf(v)) {
    return Bad(
        fmt::format("{} cannot be represented as a nanoseconds duration since it overflows int64",
                    go::FormatFloatG(v)));
  }
  return Value(DurationValue{static_cast<std::int64_t>(v * 1e9)});
}

Result<Value> Now(const Environment& env, const Args&) {
  return Value(static_cast<double>(env.now_ms) / 1e3);
}

Result<Value> ParseDuration(const Environment&, const Args& args) {
  const std::string& text = Text(args[0]);
  const bool negative = text.starts_with('-');
  const auto ms = model::ParseDuration(std::string_view(text).substr(negative ? 1 : 0));
  if (!ms) return Bad(fmt::format("not a valid duration string: {}", go::Quote(text)));
  return Value(static_cast<double>(negative ? -*ms : *ms) / 1e3);
}

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
}

/// The first letter of each word, as strings.Title finds words: apostrophes don't begin one here.
Result<Value> Title(const Environment&, const Args& args) {
  std::string text = Text(args[0]);
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char& c = text[i];
    if (!inside && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    inside = IsLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '\'';
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

Result<Value> ReReplaceAll(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const auto regex, model::Regex::Compile(Text(args[0])));
  return Value(regex.ReplaceAll(Text(args[2]), Text(args[1])));
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
    if (!digits || std::stoi(part) > 255) return false;
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
  if (parts) stripped += ':' + parts->second;
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
