// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/proto_parser.h"

#include <limits>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "tests/scrape/metric_writer.h"

namespace narthex::scrape {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

std::string LabelText(const ParsedLabels& labels) {
  std::string text;
  for (const auto& [name, value] : labels.pairs) {
    if (name == "__name__") {
      text = value + text;
    } else {
      text += fmt::format(" {}={}", name, value);
    }
  }
  return text;
}

std::string HistogramText(const model::AnyHistogram& any) {
  const auto* h = std::get_if<model::Histogram>(&any);
  const auto* f = std::get_if<model::FloatHistogram>(&any);
  std::string text = h != nullptr ? "int " : "float ";
  const model::FloatHistogram as_float = h != nullptr ? model::ToFloat(*h) : *f;
  if (as_float.counter_reset_hint == model::CounterResetHint::kGauge) text += "gauge ";
  return text + model::ToString(as_float);
}

std::string ExemplarText(const model::Exemplar& e) {
  return fmt::format(" # {} {}@{}", e.labels.ToString(), go::FormatFloatF(e.value),
                     e.has_timestamp ? std::to_string(e.t) : "-");
}

/// The entries, one a line.
std::vector<std::string> Parse(const std::string& body, const HistogramOptions& options = {}) {
  std::vector<std::string> lines;
  ProtoParser parser(body, options);
  for (;;) {
    switch (parser.Next({})) {
      case EntryKind::kEnd:
        return lines;
      case EntryKind::kError:
        lines.push_back("error " + parser.error());
        return lines;
      case EntryKind::kHelp:
        lines.push_back(fmt::format("HELP {} {}", parser.family(), parser.text()));
        break;
      case EntryKind::kUnit:
        lines.push_back(fmt::format("UNIT {} {}", parser.family(), parser.text()));
        break;
      case EntryKind::kType:
        lines.push_back(
            fmt::format("TYPE {} {}", parser.family(), model::MetricTypeName(parser.type())));
        break;
      case EntryKind::kComment:
        break;
      case EntryKind::kSeries:
      case EntryKind::kHistogram: {
        ParsedLabels labels;
        const auto status = parser.ReadLabels(labels);
        std::string line = status ? LabelText(labels) : status.error().message();
        lines.push_back(std::move(line));
        break;
      }
    }
  }
}

/// The series with value, time, start and exemplars.
std::vector<std::string> Samples(const std::string& body, const HistogramOptions& options = {}) {
  std::vector<std::string> lines;
  ProtoParser parser(body, options);
  for (;;) {
    const EntryKind kind = parser.Next({});
    if (kind == EntryKind::kEnd) return lines;
    if (kind == EntryKind::kError) {
      lines.push_back("error " + parser.error());
      return lines;
    }
    if (kind != EntryKind::kSeries && kind != EntryKind::kHistogram) continue;
    ParsedLabels labels;
    if (auto status = parser.ReadLabels(labels); !status) {
      lines.push_back("error " + status.error().message());
      return lines;
    }
    std::string line = LabelText(labels) + " -> ";
    line += kind == EntryKind::kSeries ? go::FormatFloatF(parser.value())
                                       : HistogramText(parser.histogram());
    if (parser.has_timestamp()) line += fmt::format(" t={}", parser.timestamp());
    if (parser.start() != 0) line += fmt::format(" start={}", parser.start());
    std::vector<model::Exemplar> exemplars;
    parser.ReadExemplars(exemplars);
    for (const model::Exemplar& exemplar : exemplars) line += ExemplarText(exemplar);
    lines.push_back(std::move(line));
  }
}

using Lines = std::vector<std::string>;

std::string Classic() {
  const Message histogram = Message()
                                .Varint(1, 3)
                                .Double(2, 4.5)
                                .Sub(3, Bucket(1, 0.5).Sub(3, Exemplar("a", 0.25)))
                                .Sub(3, Bucket(3, 1));
  return Family("h", kHistogram)
      .Sub(4, Message().Label("x", "1").Sub(7, histogram).Varint(6, 1234))
      .Delimited();
}

/// Buckets (0.5,1]: 1 and (1,2]: 2, and the same as classic ones.
Message NativeHistogram() {
  return Message()
      .Varint(1, 4)
      .Double(2, 5)
      .Zigzag(5, 0)
      .Double(6, 0.001)
      .Varint(7, 1)
      .Sub(12, Span(0, 2))
      .Zigzag(13, 1)
      .Zigzag(13, 1)
      .Sub(3, Bucket(2, 1).Sub(3, Exemplar("b", 0.75, 7)))
      .Sub(3, Bucket(4, kInf).Sub(3, Exemplar("late", 1.5)));
}

TEST(ProtoParserTest, KindsWithMetadata) {
  const std::string body =
      Family("c_total", kCounter, "a\\nb \"q\"").Bytes(5, "bytes").Sub(4, Message()).Delimited() +
      Family("empty", kGauge).Delimited() + Family("u", kUntyped, "").Sub(4, Message()).Delimited();
  EXPECT_EQ(Parse(body),
            (Lines{"HELP c_total a\\nb \"q\"", "UNIT c_total bytes", "TYPE c_total counter",
                   "c_total", "HELP u ", "TYPE u unknown", "u"}));
}

TEST(ProtoParserTest, PlainValues) {
  const std::string body = Family("c", kCounter)
                               .Sub(4, Message().Label("b", "2").Label("a", "1").Sub(
                                           3, Message()
                                                  .Double(1, 7)
                                                  .Sub(2, Exemplar("t", 0.5, 3))
                                                  .Sub(3, Timestamp(12, 345'999'999))))
                               .Delimited() +
                           Family("g", kGauge)
                               .Sub(4, Message().Sub(2, Message().Double(1, -1.5)).Varint(6, 99))
                               .Delimited() +
                           Family("u", kUntyped)
                               .Sub(4, Message().Sub(5, Message().Double(1, 2)))
                               .Sub(4, Message())
                               .Delimited();
  EXPECT_EQ(Samples(body), (Lines{"c a=1 b=2 -> 7 start=12345 # {trace=\"t\"} 0.5@3005",
                                  "g -> -1.5 t=99", "u -> 2", "u -> 0"}));
}

TEST(ProtoParserTest, SummariesAndClassicHistograms) {
  const Message summary = Message()
                              .Varint(1, 5)
                              .Double(2, 10)
                              .Sub(3, Message().Double(1, 0.5).Double(2, 2))
                              .Sub(3, Message().Double(1, 1).Double(2, 4));
  const std::string body = Family("s", kSummary)
                               .Sub(4, Message().Sub(4, summary))
                               .Sub(4, Message().Label("n", "q").Sub(4, Message()))
                               .Delimited() +
                           Classic();
  EXPECT_EQ(
      Samples(body),
      (Lines{"s_count -> 5", "s_sum -> 10", "s quantile=0.5 -> 2", "s quantile=1.0 -> 4",
             "s_count n=q -> 0", "s_sum n=q -> 0", "h_count x=1 -> 3 t=1234",
             "h_sum x=1 -> 4.5 t=1234", "h_bucket le=0.5 x=1 -> 1 t=1234 # {trace=\"a\"} 0.25@-",
             "h_bucket le=1.0 x=1 -> 3 t=1234", "h_bucket le=+Inf x=1 -> 3 t=1234"}));
}

TEST(ProtoParserTest, NativeHistograms) {
  const std::string body =
      Family("h", kGaugeHistogram).Sub(4, Message().Sub(7, NativeHistogram())).Delimited();
  const std::string native =
      "h -> int gauge {count:4, sum:5, [-0.001,0.001]:1, (0.5,1]:1, (1,2]:2}"
      " # {trace=\"b\"} 0.75@7005";
  EXPECT_EQ(Samples(body, {.native = true}), Lines{native});
  const Lines classic = {"h_count -> 4", "h_sum -> 5",
                         "h_bucket le=1.0 -> 2 # {trace=\"b\"} 0.75@7005",
                         "h_bucket le=+Inf -> 4 # {trace=\"late\"} 1.5@-"};
  EXPECT_EQ(Samples(body), classic);
  Lines both = {native};
  both.insert(both.end(), classic.begin(), classic.end());
  EXPECT_EQ(Samples(body, {.native = true, .keep_classic = true}), both);
}

TEST(ProtoParserTest, NativeExemplarsWinOverThoseOfBuckets) {
  const Message histogram = NativeHistogram()
                                .Sub(16, Exemplar("x", 1, 2))
                                .Sub(16, Exemplar("no time", 1))
                                .Sub(16, Exemplar("y", 1, 1));
  const std::string body = Family("h", kHistogram).Sub(4, Message().Sub(7, histogram)).Delimited();
  EXPECT_EQ(Samples(body, {.native = true}),
            Lines{"h -> int {count:4, sum:5, [-0.001,0.001]:1, (0.5,1]:1, (1,2]:2}"
                  " # {trace=\"x\"} 1@2005 # {trace=\"y\"} 1@1005"});
}

TEST(ProtoParserTest, FloatHistogramsAreCompacted) {
  const Message histogram = Message()
                                .Double(4, 3.5)
                                .Double(2, 1)
                                .Sub(12, Span(0, 1))
                                .Sub(12, Span(0, 2))
                                .Double(14, 0)
                                .Double(14, 1.5)
                                .Double(14, 2)
                                .Sub(9, Span(0, 0));
  const std::string body = Family("h", kHistogram).Sub(4, Message().Sub(7, histogram)).Delimited();
  ProtoParser parser(body, {.native = true});
  EntryKind kind{};
  while ((kind = parser.Next({})) != EntryKind::kHistogram) ASSERT_NE(kind, EntryKind::kEnd);
  const auto& h = std::get<model::FloatHistogram>(parser.histogram());
  EXPECT_EQ(h.positive_spans, (std::vector<model::Span>{{1, 2}}));
  EXPECT_EQ(h.positive_buckets, (std::vector<double>{1.5, 2}));
  EXPECT_TRUE(h.negative_spans.empty());
}

TEST(ProtoParserTest, ANoOpSpanMakesAnEmptyHistogramNative) {
  const auto body = [](const Message& histogram) {
    return Family("h", kHistogram).Sub(4, Message().Sub(7, histogram)).Delimited();
  };
  EXPECT_EQ(Samples(body(Message()), {.native = true}),
            (Lines{"h_count -> 0", "h_sum -> 0", "h_bucket le=+Inf -> 0"}));
  EXPECT_EQ(Samples(body(Message().Sub(12, Span(0, 0))), {.native = true}),
            Lines{"h -> int {count:0, sum:0}"});
}

TEST(ProtoParserTest, Conversion) {
  const Lines converted = Samples(Classic(), {.convert = true});
  ASSERT_EQ(converted.size(), 1u);
  EXPECT_TRUE(converted[0].starts_with("h x=1 -> int {count:3, sum:4.5")) << converted[0];
  const Lines both = Samples(Classic(), {.keep_classic = true, .convert = true});
  ASSERT_EQ(both.size(), 6u);
  EXPECT_TRUE(both[0].starts_with("h_count"));
  EXPECT_EQ(both[5], converted[0]);
  const Message bad = Message().Varint(1, 2).Sub(3, Bucket(2, 1)).Sub(3, Bucket(1, 2));
  EXPECT_EQ(
      Samples(Family("h", kHistogram).Sub(4, Message().Sub(7, bad)).Delimited(), {.convert = true}),
      Lines{"error count is not cumulative: 1 < 2"});
}

TEST(ProtoParserTest, ErrorsAsPrometheus) {
  const auto one = [](const Message& family) { return Samples(family.Delimited()); };
  EXPECT_EQ(one(Family("", kGauge).Sub(4, Message())), Lines{"error invalid metric name: "});
  EXPECT_EQ(one(Family("g", kGauge, "\xff").Sub(4, Message())),
            Lines{"error invalid help for metric \"g\": \xff"});
  EXPECT_EQ(one(Message().Bytes(1, "g").Varint(3, 77).Sub(4, Message())),
            Lines{"error unknown metric type for metric \"g\": 77"});
  EXPECT_EQ(one(Family("g", kGauge).Sub(4, Message().Label("", "v"))),
            Lines{"error invalid label name: "});
  EXPECT_EQ(one(Family("g", kGauge).Sub(4, Message().Label("l", "\xff"))),
            Lines{"error invalid label value: \xff"});
  EXPECT_EQ(one(Message().Varint(1, 3)), Lines{"error proto: wrong wireType = 0 for field Name"});
  EXPECT_EQ(one(Family("g", kGauge).Sub(4, Message().Sub(3, Message().Varint(1, 3)))),
            Lines{"error proto: wrong wireType = 0 for field Value"});
  const Message spans = Message().Varint(1, 1).Sub(12, Span(0, 2)).Zigzag(13, 1);
  EXPECT_EQ(Samples(Family("h", kHistogram).Sub(4, Message().Sub(7, spans)).Delimited(),
                    {.native = true}),
            Lines{"error histogram \"h\": positive side: spans require 2 buckets, have 1"});
  EXPECT_EQ(Samples("\x05"
                    "abc"),
            Lines{"error clientpb: insufficient length of buffer, expected at least 6 bytes, got 4 "
                  "bytes"});
  EXPECT_EQ(Samples("\xff\xff\xff\xff\xff\x01"),
            Lines{"error clientpb: invalid varint encountered"});
  EXPECT_EQ(Samples("\xff"), Lines{"error clientpb: invalid varint encountered"});
}

TEST(ProtoParserTest, HashesTellSeriesApartAndRepeat) {
  const std::string body =
      Classic() + Family("h2", kHistogram)
                      .Sub(4, Message().Label("x", "1").Sub(7, Message().Sub(3, Bucket(1, 0.5))))
                      .Delimited();
  const auto hashes = [&] {
    std::vector<Hash128> all;
    ProtoParser parser(body, {});
    for (EntryKind kind{}; (kind = parser.Next({})) != EntryKind::kEnd;) {
      if (kind == EntryKind::kSeries) all.push_back(parser.series_hash());
    }
    return all;
  };
  const auto first = hashes();
  ASSERT_EQ(first.size(), 9u);
  EXPECT_EQ(first, hashes());
  for (std::size_t i = 0; i < first.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) EXPECT_NE(first[i], first[k]) << i << " " << k;
  }
}

TEST(ProtoParserTest, LabelsCanBeReadAgain) {
  const std::string body = Classic() + Family("c", kCounter)
                                           .Sub(4, Message().Label("i", "0"))
                                           .Sub(4, Message().Label("i", "1"))
                                           .Delimited();
  std::vector<std::pair<std::size_t, std::string>> seen;
  ProtoParser parser(body, {});
  for (EntryKind kind{}; (kind = parser.Next({})) != EntryKind::kEnd;) {
    if (kind != EntryKind::kSeries) continue;
    ParsedLabels labels;
    ASSERT_TRUE(parser.ReadLabels(labels));
    seen.emplace_back(parser.line(), LabelText(labels));
  }
  ASSERT_EQ(seen.size(), 7u);
  for (auto it = seen.rbegin(); it != seen.rend(); ++it) {
    ParsedLabels labels;
    ASSERT_TRUE(parser.ReadLabelsAt(it->first, model::MetricType::kUnknown, labels));
    EXPECT_EQ(LabelText(labels), it->second);
  }
}

}  // namespace
}  // namespace narthex::scrape
