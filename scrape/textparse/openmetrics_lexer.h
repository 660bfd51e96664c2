// SPDX-License-Identifier: Apache-2.0
//
// OpenMetrics 1.0 entry by entry, as Prometheus's lexer and parser read it. It is the careful way:
// OpenMetricsParser calls it for metadata, exemplars, errors and series not seen before.
// Source: https://prometheus.io/docs/specs/om/open_metrics_spec/
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/metadata.h"
#include "scrape/textparse/entry.h"

namespace narthex::scrape {

/// Reads one entry. Thread safety: one thread.
class OpenMetricsLexer {
 public:
  OpenMetricsLexer(std::string_view body, std::size_t start)
      : body_(body), line_(start), pos_(start) {}

  /// A piece of the body.
  struct Piece {
    std::size_t from = 0;
    std::size_t to = 0;
  };
  using LabelPieces = std::vector<std::pair<Piece, Piece>>;  // Without quotes, escapes as they are.
  struct Entry {
    EntryKind kind = EntryKind::kEnd;
    Piece name;  // Of the series or the family, without quotes.
    Piece text;  // Of metadata.
    model::MetricType type = model::MetricType::kUnknown;
    LabelPieces labels;
    std::size_t series_end = 0;
    double value = 0;
    bool has_timestamp = false;
    std::int64_t timestamp = 0;  // Milliseconds.
    bool has_exemplar = false;
    LabelPieces exemplar_labels;
    double exemplar_value = 0;
    bool exemplar_has_timestamp = false;
    std::int64_t exemplar_timestamp = 0;  // Milliseconds.
    std::size_t end = 0;                  // Where the next entry begins.
  };

  /// Errors: kInvalidArgument in Prometheus's wording.
  Status Read(Entry& entry);

 private:
  enum class Token : std::uint8_t {
    kInvalid,
    kEof,
    kLinebreak,
    kHelp,
    kType,
    kUnit,
    kEofWord,
    kText,
    kComment,
    kMetricName,
    kQuoted,
    kBraceOpen,
    kBraceClose,
    kLabelName,
    kLabelValue,
    kEqual,
    kComma,
    kTimestamp,
    kValue,
  };
  enum class State : std::uint8_t {
    kInit,
    kComment,
    kFamily,
    kText,
    kLabels,
    kLabelValue,
    kValue,
    kTimestamp,
    kExemplar,
    kExemplarValue,
    kExemplarTimestamp,
  };

  Token Next();
  Token InInit();
  Token InComment();
  Token InText();
  Token InLabels(State value_state, State end_state, bool line_breaks);
  Token InString(Token token, State next, bool line_breaks);
  Token Word(Token token, State next);
  char At(std::size_t i) const { return i < body_.size() ? body_[i] : '\0'; }

  Status ReadMetadata(Entry& entry, Token kind);
  Status ReadLabels(LabelPieces& labels, Piece* name, bool name_set);
  Status ReadEndOfLine(Entry& entry, Token token, bool name_set);
  Status ReadExemplar(Entry& entry);
  Status ReadNumber(Token token, std::string_view after, double& value);
  Status ReadTimestamp(std::string_view what, std::int64_t& timestamp);
  tl::unexpected<Error> Unexpected(std::string_view expected, Token got) const;
  std::string Quoted(std::size_t from, std::size_t to) const;

  const std::string_view body_;
  const std::size_t line_;
  std::size_t pos_;
  std::size_t start_ = 0;
  State state_ = State::kInit;
};

}  // namespace narthex::scrape
