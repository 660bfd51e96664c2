// SPDX-License-Identifier: Apache-2.0
//
// A test script as commands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "narthex/model/matcher.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/parser.h"

namespace narthex::promql {

struct ClearCommand {};

/// One series with its points, the first at time 0 (of a load) or at the start (of an eval).
struct ScriptSeries {
  model::Labels labels;
  std::vector<SequenceValue> values;
  // When what each sample of a load counts began, from the sample's time on, so mostly negative.
  // Empty = no sample has a start time; else one per value.
  std::vector<std::optional<model::DurationMs>> starts;
};

struct LoadCommand {
  int line = 0;
  model::DurationMs step_ms = 0;
  bool with_nhcb = false;            // Also as native histograms with custom buckets.
  std::vector<ScriptSeries> series;  // Each label set once.
};

/// What an error or annotation must say.
struct TextPattern {
  std::string text;                   // The whole text, or the source of `regex`.
  std::optional<model::Regex> regex;  // Found anywhere in the text.
  bool any = false;                   // Everything is right.

  bool Matches(std::string_view actual) const;
};

struct EvalCommand {
  int line = 0;
  std::string query;
  bool range = false;
  model::TimestampMs eval_ms = 0;  // Of an instant query.
  model::TimestampMs start_ms = 0, end_ms = 0;
  model::DurationMs step_ms = 0;

  bool ordered = false;
  std::optional<TextPattern> fail;
  std::vector<TextPattern> warnings, infos;
  bool no_warning = false, no_info = false;

  std::vector<ScriptSeries> series;  // In the order of the script; each label set once.
  std::optional<double> scalar;
  std::optional<std::string> text;  // Of a string result.
  bool range_vector = false;        // An instant query that gives a matrix at start, …, end.
};

using Command = std::variant<ClearCommand, LoadCommand, EvalCommand>;

/// Why a script can't be parsed.
struct ScriptError {
  int line = 0;
  std::string text;
};

/// @return an error, or nothing and the commands in `out`
std::optional<ScriptError> ParseScript(std::string_view script, std::vector<Command>& out);

}  // namespace narthex::promql
