// SPDX-License-Identifier: Apache-2.0
#include "promql/testing/script.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "promql/parser/number.h"
#include "promql/parser/unquote.h"
#include "promql/testing/start_line.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view Trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Takes the first word off the front of `rest`.
std::string_view TakeWord(std::string_view& rest) {
  const auto end = std::min(rest.find_first_of(kBlanks), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest = Trim(rest.substr(end));
  return word;
}

bool TakeKeyword(std::string_view& rest, std::string_view keyword) {
  std::string_view after = rest;
  if (TakeWord(after) != keyword) return false;
  rest = after;
  return true;
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

void SetSeries(std::vector<ScriptSeries>& all, ScriptSeries series) {
  const auto same = std::find_if(all.begin(), all.end(), [&series](const ScriptSeries& s) {
    return s.labels == series.labels;
  });
  if (same != all.end()) {
    *same = std::move(series);
  } else {
    all.push_back(std::move(series));
  }
}

Result<TextPattern> MakePattern(std::string_view text, bool regex) {
  TextPattern pattern;
  pattern.text = text;
  if (regex) {
    auto compiled = model::Regex::Compile(fmt::format("(?s:.*)(?:{})(?s:.*)", text));
    if (!compiled) return Fail(std::move(compiled).error());
    pattern.regex = std::move(*compiled);
  }
  return pattern;
}

// The part of an expect line after its kind: nothing, "msg: TEXT" or "regex: RE".
Result<TextPattern> ParsePattern(std::string_view rest) {
  if (rest.empty()) {
    TextPattern pattern;
    pattern.any = true;
    return pattern;
  }
  for (const bool regex : {false, true}) {
    const std::string_view prefix = regex ? "regex:" : "msg:";
    if (rest.starts_with(prefix)) return MakePattern(Trim(rest.substr(prefix.size())), regex);
  }
  return Fail(Code::kInvalidArgument,
              "invalid expect statement, must match `expect <type> <match_type>: <string>` format");
}

class ScriptParser {
 public:
  ScriptParser(std::string_view script, std::vector<Command>& out) : out_(out) {
    while (!script.empty()) {
      const auto end = std::min(script.find('\n'), script.size());
      const std::string_view line = Trim(script.substr(0, end));
      lines_.push_back(line.starts_with('#') ? std::string_view() : line);
      script.remove_prefix(std::min(end + 1, script.size()));
    }
  }

  std::optional<ScriptError> Parse() {
    while (next_ < lines_.size()) {
      const std::string_view line = lines_[next_++];
      if (line.empty()) continue;
      command_line_ = static_cast<int>(next_);
      if (auto status = ParseCommand(line); !status) {
        return ScriptError{error_line_ > 0 ? error_line_ : command_line_, status.error().message()};
      }
    }
    return std::nullopt;
  }

 private:
  static tl::unexpected<Error> Invalid(std::string message) {
    return Fail(Code::kInvalidArgument, std::move(message));
  }

  // The next line of the present command; nullopt at its end, which is an empty line.
  std::optional<std::string_view> NextLine() {
    if (next_ >= lines_.size() || lines_[next_].empty()) return std::nullopt;
    return lines_[next_++];
  }

  Status ParseCommand(std::string_view line) {
    std::string_view rest = line;
    const std::string word = ToLower(TakeWord(rest));
    if (word == "clear") {
      out_.emplace_back(ClearCommand{});
      return {};
    }
    if (word == "load" || word == "load_with_nhcb") return ParseLoad(word != "load", rest);
    if (word.starts_with("eval")) return ParseEval(word, rest);
    return Invalid(fmt::format("invalid command {}", go::Quote(line)));
  }

  Status ParseLoad(bool with_nhcb, std::string_view step) {
    LoadCommand load;
    load.line = command_line_;
    load.with_nhcb = with_nhcb;
    auto step_ms = model::ParseDuration(step);
    if (!step_ms) {
      return Invalid(fmt::format("invalid step definition {}: {}", go::Quote(step),
                                 step_ms.error().message()));
    }
    load.step_ms = *step_ms;
    std::optional<StartLine> starts;
    while (const auto line = NextLine()) {
      if (IsStartLine(*line)) {
        if (starts) return InvalidStart(starts->line, "has no following sample line");
        NX_ASSIGN_OR_RETURN(starts, TakeStartLine(*line));
        continue;
      }
      NX_ASSIGN_OR_RETURN(auto series, ParseSeriesLine(*line));
      if (starts) NX_RETURN_IF_ERROR(AddStarts(*std::exchange(starts, {}), series));
      SetSeries(load.series, std::move(series));
    }
    if (starts) return InvalidStart(starts->line, "has no following sample line");
    out_.emplace_back(std::move(load));
    return {};
  }

  Result<StartLine> TakeStartLine(std::string_view line) {
    auto starts = ParseStartLine(line);
    if (!starts) {
      error_line_ = static_cast<int>(next_);
      return Fail(std::move(starts).error());
    }
    starts->line = static_cast<int>(next_);
    return starts;
  }

  tl::unexpected<Error> InvalidStart(int line, std::string_view what) {
    error_line_ = line;
    return Invalid(fmt::format("@st line {}", what));
  }

  Status AddStarts(StartLine starts, ScriptSeries& series) {
    if (starts.labels != series.labels) {
      error_line_ = starts.line;
      return Invalid("@st metric does not match the following sample line metric");
    }
    if (starts.offsets.size() != series.values.size()) {
      return InvalidStart(starts.line, fmt::format("has {} values but sample line has {}",
                                                   starts.offsets.size(), series.values.size()));
    }
    series.starts = std::move(starts.offsets);
    return {};
  }

  Result<ScriptSeries> ParseSeriesLine(std::string_view line) {
    auto series = ParseSeriesDescription(line);
    if (!series) {
      error_line_ = static_cast<int>(next_);
      return Fail(std::move(series).error());
    }
    return ScriptSeries{std::move(series->labels), std::move(series->values), {}};
  }

  Status ParseEval(const std::string& word, std::string_view rest) {
    EvalCommand eval;
    eval.line = command_line_;
    NX_RETURN_IF_ERROR(ParseEvalHead(rest, eval));
    const std::string_view mode = std::string_view(word).substr(4);
    TextPattern any;
    any.any = true;
    if (mode == "_fail") {
      eval.fail = any;
    } else if (mode == "_warn") {
      eval.warnings.push_back(any);
    } else if (mode == "_info") {
      eval.infos.push_back(any);
    } else if (mode == "_ordered" && !eval.range) {
      eval.ordered = true;
    } else if (!mode.empty()) {
      return Invalid(fmt::format("invalid command {}", go::Quote(word)));
    }
    while (const auto line = NextLine()) {
      NX_ASSIGN_OR_RETURN(const bool more, ParseExpectation(*line, eval));
      if (!more) break;
    }
    out_.emplace_back(std::move(eval));
    return {};
  }

  // "instant [at T] QUERY" or "range from T to T step D QUERY".
  static Status ParseEvalHead(std::string_view rest, EvalCommand& eval) {
    const std::string_view kind = TakeWord(rest);
    if (kind == "instant") {
      if (TakeKeyword(rest, "at")) {
        NX_ASSIGN_OR_RETURN(eval.eval_ms, ParseTime(TakeWord(rest)));
      }
    } else if (kind == "range") {
      eval.range = true;
      NX_RETURN_IF_ERROR(ParseTimes(rest, eval));
    } else {
      return Invalid("invalid evaluation command: neither instant nor range");
    }
    if (rest.empty()) return Invalid("invalid evaluation command: no query");
    eval.query = rest;
    return {};
  }

  static Result<model::TimestampMs> ParseTime(std::string_view text) {
    auto ms = model::ParseDuration(text);
    if (ms) return *ms;
    return Invalid(
        fmt::format("invalid timestamp definition {}: {}", go::Quote(text), ms.error().message()));
  }

  // "from T to T step D"
  static Status ParseTimes(std::string_view& rest, EvalCommand& eval) {
    const std::pair<std::string_view, std::int64_t*> parts[] = {
        {"from", &eval.start_ms}, {"to", &eval.end_ms}, {"step", &eval.step_ms}};
    for (const auto& [keyword, out] : parts) {
      if (!TakeKeyword(rest, keyword)) {
        return Invalid(fmt::format("invalid range: '{}' is missing", keyword));
      }
      NX_ASSIGN_OR_RETURN(*out, ParseTime(TakeWord(rest)));
    }
    if (eval.end_ms < eval.start_ms) {
      return Invalid("invalid test definition, end timestamp is before start timestamp");
    }
    return {};
  }

  // @return false when the command ends with this line
  Result<bool> ParseExpectation(std::string_view line, EvalCommand& eval) {
    std::string_view rest = line;
    if (TakeKeyword(rest, "expect")) {
      NX_RETURN_IF_ERROR(ParseExpect(rest, eval));
      return true;
    }
    if (eval.fail && line.starts_with("expected_fail_")) {
      NX_RETURN_IF_ERROR(ParseExpectedFail(line, eval));
      return false;
    }
    if (const auto number = ParseSigned(line)) {
      eval.scalar = *number;
      return false;
    }
    NX_ASSIGN_OR_RETURN(auto series, ParseSeriesLine(line));
    if (series.values.size() > 1 && !eval.range && !eval.range_vector) {
      return Invalid(
          "expecting multiple values in instant evaluation not allowed. consider using 'expect "
          "range vector' directive to enable a range vector result for an instant query");
    }
    SetSeries(eval.series, std::move(series));
    return true;
  }

  static Status ParseExpectedFail(std::string_view line, EvalCommand& eval) {
    std::string_view rest = line;
    const std::string_view word = TakeWord(rest);
    const bool regex = word == "expected_fail_regexp";
    if (!regex && word != "expected_fail_message") {
      return Invalid(fmt::format("invalid line {}", go::Quote(line)));
    }
    NX_ASSIGN_OR_RETURN(eval.fail, MakePattern(rest, regex));
    return {};
  }

  static std::optional<double> ParseSigned(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty() || text.front() == '-' || text.front() == '+') return std::nullopt;
    const auto value = ParseNumberText(text);
    if (!value) return std::nullopt;
    return negative ? -*value : *value;
  }

  static Status ParseExpect(std::string_view rest, EvalCommand& eval) {
    const std::string_view line = rest;
    const std::string_view kind = TakeWord(rest);
    if (kind == "range" && TakeKeyword(rest, "vector")) {
      eval.range_vector = true;
      NX_RETURN_IF_ERROR(ParseTimes(rest, eval));
      eval.eval_ms = eval.end_ms;
      return {};
    }
    if (kind == "string") {
      const auto text = Unquote(rest);
      if (!text) return Invalid("expected string literal not valid");
      eval.text = *text;
      return {};
    }
    if (kind == "ordered") {
      eval.ordered = true;
      return {};
    }
    NX_ASSIGN_OR_RETURN(auto pattern, ParsePattern(rest));
    if (kind == "fail") {
      if (eval.fail) return Invalid("multiple expect fail lines are not allowed");
      eval.fail = std::move(pattern);
    } else if (kind == "warn") {
      eval.warnings.push_back(std::move(pattern));
    } else if (kind == "info") {
      eval.infos.push_back(std::move(pattern));
    } else if (kind == "no_warn") {
      eval.no_warning = true;
    } else if (kind == "no_info") {
      eval.no_info = true;
    } else {
      return Invalid(fmt::format("invalid expect statement {}", go::Quote(line)));
    }
    if ((eval.no_warning && !eval.warnings.empty()) || (eval.no_info && !eval.infos.empty())) {
      return Invalid("invalid expect lines: some and none of the same annotation");
    }
    return {};
  }

  std::vector<std::string_view> lines_;
  std::size_t next_ = 0;
  int command_line_ = 0;
  int error_line_ = 0;
  std::vector<Command>& out_;
};

}  // namespace

bool TextPattern::Matches(std::string_view actual) const {
  if (any) return true;
  return regex ? regex->Matches(actual) : text == actual;
}

std::optional<ScriptError> ParseScript(std::string_view script, std::vector<Command>& out) {
  return ScriptParser(script, out).Parse();
}

}  // namespace narthex::promql
