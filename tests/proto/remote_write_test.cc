// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/remote_write.h"

#include <bit>
#include <cstdlib>
#include <new>
#include <optional>

#include "narthex/model/sample.h"
#include "prometheus.pb.h"
#include "write_v2.pb.h"

namespace {
std::size_t allocations = 0;
}

// Counted, to see that reading samples makes none.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new(std::size_t size) {
  if (void* p = operator new(size, std::nothrow)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace narthex::proto {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

std::string Joined(std::span<const model::LabelView> labels) {
  std::string text;
  for (const auto& label : labels) {
    text += std::string(label.name) + "=" + std::string(label.value) + ",";
  }
  return text;
}

/// Everything a body says, in words.
std::string Describe(WriteVersion version, std::string_view body) {
  WriteRequestReader reader(version, body);
  std::string text;
  WriteSample sample;
  WriteHistogram histogram;
  WriteExemplar exemplar;
  while (reader.NextSeries()) {
    text += "[" + Joined(reader.labels());
    if (reader.metadata().type != model::MetricType::kUnknown) {
      text += " " + std::string(model::MetricTypeName(reader.metadata().type)) + "/" +
              std::string(reader.metadata().help) + "/" + std::string(reader.metadata().unit);
    }
    if (!reader.bad_reference().empty()) text += " !" + reader.bad_reference();
    while (reader.NextSample(sample)) {
      text += " " + std::to_string(sample.t) + ":" + std::to_string(sample.value);
      if (sample.start_t != 0) text += "@" + std::to_string(sample.start_t);
    }
    while (reader.NextHistogram(histogram)) {
      text += std::holds_alternative<model::Histogram>(histogram.value) ? " int" : " float";
      text += std::to_string(histogram.t);
    }
    while (reader.NextExemplar(exemplar)) {
      text += " {" + Joined(exemplar.labels) + exemplar.bad_reference + "}" +
              std::to_string(exemplar.t) + ":" + std::to_string(exemplar.value);
    }
    text += "]";
  }
  if (const Status status = reader.status(); !status) text += status.error().message();
  return text;
}

/// The hash of the labels of the first series; all of its samples must be readable before them.
std::optional<Hash128> IdOf(WriteVersion version, std::string_view body, std::string* labels) {
  WriteRequestReader reader(version, body);
  EXPECT_TRUE(reader.NextUnread());
  EXPECT_TRUE(reader.labels().empty());
  const auto id = reader.LabelsId();
  WriteSample sample;
  EXPECT_TRUE(reader.NextSample(sample));
  EXPECT_EQ(sample.t, 5);
  EXPECT_TRUE(reader.ReadLabels());
  *labels = Joined(reader.labels());
  EXPECT_FALSE(reader.NextSample(sample));
  return id;
}

TEST(RemoteWriteTest, IdsStandForTheLabelsAsSent) {
  const std::string ab = "\x0a\x06\x0a\x01\x61\x12\x01\x62",
                    cd = "\x0a\x06\x0a\x01\x63\x12\x01\x64";
  const std::string five = "\x12\x02\x10\x05";
  const auto series = [](const std::string& bytes) {
    return "\x0a" + std::string(1, static_cast<char>(bytes.size())) + bytes;
  };
  std::string labels;
  const auto id = [&](const std::string& bytes) {
    return IdOf(WriteVersion::kV1, series(bytes), &labels);
  };
  const auto both = id(ab + cd + five);
  EXPECT_EQ(labels, "a=b,c=d,");
  ASSERT_TRUE(both);
  EXPECT_EQ(id(five + ab + cd), both);
  EXPECT_NE(id(cd + ab + five), both);
  EXPECT_NE(id(ab + five), both);
  EXPECT_TRUE(id(five));
  EXPECT_EQ(labels, "");
  EXPECT_EQ(id(ab + five + cd), std::nullopt) << "in two places";
  EXPECT_EQ(labels, "a=b,c=d,");
}

TEST(RemoteWriteTest, IdsOfVersion2LookSymbolsUp) {
  const auto body = [](std::vector<std::string> symbols, const std::string& refs) {
    std::string text;
    for (const std::string& symbol : symbols) {
      text += "\x22" + std::string(1, static_cast<char>(symbol.size())) + symbol;
    }
    const std::string series =
        "\x0a" + std::string(1, static_cast<char>(refs.size())) + refs + "\x12\x02\x10\x05";
    return text + "\x2a" + std::string(1, static_cast<char>(series.size())) + series;
  };
  std::string labels;
  const auto id = [&](std::vector<std::string> symbols, const std::string& refs) {
    return IdOf(WriteVersion::kV2, body(std::move(symbols), refs), &labels);
  };
  const auto a = id({"", "a", "bc"}, "\x01\x02");
  EXPECT_EQ(labels, "a=bc,");
  ASSERT_TRUE(a);
  EXPECT_EQ(id({"", "x", "bc", "a"}, "\x03\x02"), a);
  EXPECT_NE(id({"", "ab", "c"}, "\x01\x02"), a);
  EXPECT_NE(id({"", "bc", "a"}, "\x01\x02"), a);
  EXPECT_EQ(id({"", "a"}, "\x01\x02"), std::nullopt) << "no such symbol";
  EXPECT_EQ(labels, "");
}

// Most are read by a short way; what is written otherwise says the same.
TEST(RemoteWriteTest, SamplesInAllSpellings) {
  const std::string value = "\x09" + std::string("\0\0\0\0\0\0\xf0\x3f", 8), time = "\x10\x05";
  const struct {
    const char* name;
    std::string sample;
    const char* says;
  } cases[] = {
      {"value, time", value + time, " 5:1.000000"},
      {"time, value", time + value, " 5:1.000000"},
      {"neither", "", " 0:0.000000"},
      {"value", value, " 0:1.000000"},
      {"time", time, " 5:0.000000"},
      {"twice", value + time + "\x10\x06", " 6:1.000000"},
      {"largest time", "\x10\xff\xff\xff\xff\xff\xff\xff\xff\x7f", " 9223372036854775807:0.000000"},
      {"time with more bytes than it needs", "\x10\x85\x80\x80\x80\x80\x80\x80\x80\x80" + "\0"s,
       " 5:0.000000"},
      {"tag of two bytes", "\x90" + "\0\x05"s, " 5:0.000000"},
      {"unknown field", value + "\x7a\x01x" + time, " 5:1.000000"},
      {"cut value", value.substr(0, 5), "unexpected EOF"},
      {"cut time", "\x10\x85", "unexpected EOF"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string sample =
        "\x12" + std::string(1, static_cast<char>(c.sample.size())) + c.sample;
    const std::string series = sample + "\x12\x02\x10\x07";
    const std::string body = "\x0a" + std::string(1, static_cast<char>(series.size())) + series;
    const std::string said = Describe(WriteVersion::kV1, body);
    const bool broken = std::string_view(c.says).find("EOF") != std::string_view::npos;
    EXPECT_EQ(said, broken ? "[]"s + c.says : "["s + c.says + " 7:0.000000]");
  }
}

// Bytes by the specification: tag = number << 3 | wire type.
TEST(RemoteWriteTest, ReadsV1) {
  const std::string label = "\x0a\x06\x0a\x01n\x12\x01v";
  const std::string one = "\x09" + std::string("\0\0\0\0\0\0\xf0\x3f", 8);  // value = 1.0
  const struct {
    const char* name;
    std::string body;
    const char* says;
  } cases[] = {
      {"nothing", "", ""},
      {"empty series", std::string("\x0a\x00", 2), "[]"},
      {"label", "\x0a\x08" + label, "[n=v,]"},
      {"sample", "\x0a\x15" + label + "\x12\x0b" + one + "\x10\x05", "[n=v, 5:1.000000]"},
      {"sample before label", "\x0a\x15\x12\x0b" + one + "\x10\x05" + label, "[n=v, 5:1.000000]"},
      {"negative time",
       std::string("\x0a\x0d\x12\x0b\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15),
       "[ -1:0.000000]"},
      {"unknown fields", "\x0a\x0b\x3a\x01x" + label + "\x12\x03zzz", "[n=v,]"},
      {"metadata", "\x1a\x03\x12\x01m", ""},
      {"group", std::string("\x0b\x10\x01\x0c", 4) + "",
       "proto: wrong wireType = 3 for field "
       "Timeseries"},
      {"unknown group", std::string("\x2b\x10\x01\x2c", 4), ""},
      {"cut", "\x0a\x08" + label.substr(0, 4), "unexpected EOF"},
      {"cut inside", "\x0a\x05" + label.substr(0, 5), "unexpected EOF"},
      {"no field number", std::string("\x02\x00", 2),
       "proto: WriteRequest: illegal tag 0 (wire type 2)"},
      {"end of no group", "\x0c", "proto: WriteRequest: wiretype end group for non-group"},
      {"wire type 7", "\x17", "proto: illegal wireType 7"},
      {"wire type of a label", std::string("\x0a\x02\x08\x01", 4),
       "proto: wrong wireType = 0 for field Labels"},
      {"wire type of a value", std::string("\x0a\x04\x12\x02\x08\x01", 6),
       "[]proto: wrong wireType = 0 for field Value"},
      {"endless varint", std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12),
       "proto: integer overflow"},
      {"length beyond the end", std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10),
       "unexpected EOF"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(c.says, Describe(WriteVersion::kV1, c.body));
  }
}

wire::Histogram IntHistogram() {
  wire::Histogram h;
  h.set_count_int(7);
  h.set_sum(2.5);
  h.set_schema(-3);
  h.set_zero_threshold(0.001);
  h.set_zero_count_int(2);
  auto* span = h.add_negative_spans();
  span->set_offset(-5);
  span->set_length(1);
  h.add_negative_deltas(1);
  span = h.add_positive_spans();
  span->set_offset(3);
  span->set_length(2);
  h.add_positive_deltas(3);
  h.add_positive_deltas(-2);
  h.set_reset_hint(2);
  h.set_timestamp(-12345);
  h.set_start_timestamp(77);
  return h;
}

TEST(RemoteWriteTest, ReadsWhatGooglesCodecWrites) {
  wire::WriteRequest request;
  auto* series = request.add_timeseries();
  auto* label = series->add_labels();
  label->set_name("__name__");
  label->set_value("a\xff\0b"s);
  auto* sample = series->add_samples();
  sample->set_value(std::bit_cast<double>(model::kStaleNaNBits));
  sample->set_timestamp(INT64_MIN);
  *series->add_histograms() = IntHistogram();
  wire::Histogram f;
  f.set_count_float(1.5);
  f.set_zero_count_float(-0.5);
  f.add_positive_counts(1);
  f.add_negative_counts(0.25);
  f.set_schema(-53);
  f.add_custom_values(0.1);
  f.set_reset_hint(3);
  *series->add_histograms() = f;
  auto* exemplar = series->add_exemplars();
  exemplar->set_value(9);
  exemplar->set_timestamp(10);
  const std::string body = request.SerializeAsString();

  WriteRequestReader reader(WriteVersion::kV1, body);
  ASSERT_TRUE(reader.NextSeries());
  ASSERT_EQ(1U, reader.labels().size());
  EXPECT_EQ("a\xff\0b"sv, reader.labels()[0].value);
  EXPECT_EQ(1U, reader.num_samples());
  EXPECT_EQ(2U, reader.num_histograms());
  WriteSample got;
  ASSERT_TRUE(reader.NextSample(got));
  EXPECT_EQ(INT64_MIN, got.t);
  EXPECT_EQ(model::kStaleNaNBits, std::bit_cast<std::uint64_t>(got.value));
  EXPECT_FALSE(reader.NextSample(got));

  WriteHistogram histogram;
  ASSERT_TRUE(reader.NextHistogram(histogram));
  const auto& h = std::get<model::Histogram>(histogram.value);
  EXPECT_EQ(-12345, histogram.t);
  EXPECT_EQ(77, histogram.start_t);
  EXPECT_EQ(7U, h.count);
  EXPECT_EQ(2.5, h.sum);
  EXPECT_EQ(-3, h.schema);
  EXPECT_EQ(0.001, h.zero_threshold);
  EXPECT_EQ(2U, h.zero_count);
  EXPECT_EQ((std::vector<model::Span>{{-5, 1}}), h.negative_spans);
  EXPECT_EQ((std::vector<model::Span>{{3, 2}}), h.positive_spans);
  EXPECT_EQ((std::vector<std::int64_t>{1}), h.negative_buckets);
  EXPECT_EQ((std::vector<std::int64_t>{3, -2}), h.positive_buckets);
  EXPECT_EQ(model::CounterResetHint::kNotReset, h.counter_reset_hint);

  ASSERT_TRUE(reader.NextHistogram(histogram));
  const auto& fh = std::get<model::FloatHistogram>(histogram.value);
  EXPECT_EQ(0, histogram.t);
  EXPECT_EQ(1.5, fh.count);
  EXPECT_EQ(-0.5, fh.zero_count);
  EXPECT_EQ(-53, fh.schema);
  EXPECT_EQ((std::vector<double>{1}), fh.positive_buckets);
  EXPECT_EQ((std::vector<double>{0.25}), fh.negative_buckets);
  EXPECT_EQ((std::vector<double>{0.1}), fh.custom_values);
  EXPECT_EQ(model::CounterResetHint::kGauge, fh.counter_reset_hint);
  EXPECT_FALSE(reader.NextHistogram(histogram));

  WriteExemplar e;
  ASSERT_TRUE(reader.NextExemplar(e));
  EXPECT_EQ(9, e.value);
  EXPECT_EQ(10, e.t);
  EXPECT_FALSE(reader.NextExemplar(e));
  EXPECT_FALSE(reader.NextSeries());
  EXPECT_TRUE(reader.status());
}

TEST(RemoteWriteTest, ReadsUnpackedNumbers) {
  // positive_deltas = 3, -2, each with a tag of its own; positive_counts likewise.
  const std::string histogram = "\x60\x06\x60\x03";
  const std::string body = "\x0a\x06\x22\x04" + histogram;
  WriteRequestReader reader(WriteVersion::kV1, body);
  ASSERT_TRUE(reader.NextSeries());
  WriteHistogram h;
  ASSERT_TRUE(reader.NextHistogram(h));
  EXPECT_EQ((std::vector<std::int64_t>{3, -2}),
            std::get<model::Histogram>(h.value).positive_buckets);
}

TEST(RemoteWriteTest, ReadsV2) {
  wire::v2::Request request;
  for (const char* symbol : {"", "__name__", "m", "help", "s", "trace", "x"}) {
    request.add_symbols(symbol);
  }
  auto* series = request.add_timeseries();
  series->add_labels_refs(1);
  series->add_labels_refs(2);
  auto* sample = series->add_samples();
  sample->set_value(1.5);
  sample->set_timestamp(1000);
  sample->set_start_timestamp(900);
  *series->add_histograms() = IntHistogram();
  auto* exemplar = series->add_exemplars();
  exemplar->add_labels_refs(5);
  exemplar->add_labels_refs(6);
  exemplar->set_value(2);
  exemplar->set_timestamp(999);
  series->mutable_metadata()->set_type(1);
  series->mutable_metadata()->set_help_ref(3);
  series->mutable_metadata()->set_unit_ref(4);
  const char* const says =
      "[__name__=m, counter/help/s 1000:1.500000@900 int-12345 {trace=x,}999:2.000000]";
  const std::string body = request.SerializeAsString();
  EXPECT_EQ(says, Describe(WriteVersion::kV2, body));
  // The symbols may follow the series.
  wire::v2::Request parts[2];
  *parts[0].mutable_timeseries() = request.timeseries();
  *parts[1].mutable_symbols() = request.symbols();
  EXPECT_EQ(says, Describe(WriteVersion::kV2,
                           parts[0].SerializeAsString() + parts[1].SerializeAsString()));
  // As the other version, there is nothing in it.
  EXPECT_EQ("", Describe(WriteVersion::kV1, body));
}

TEST(RemoteWriteTest, TellsBadReferences) {
  const struct {
    std::vector<std::uint32_t> labels, exemplar;
    std::uint32_t help, unit;
    const char* says;
  } cases[] = {
      {{1}, {}, 0, 0, "[ !parsing labels for series [1]: invalid labelRefs length 1]"},
      {{1, 9},
       {},
       0,
       0,
       "[ !parsing labels for series [1 9]: labelRefs 1 (name) = 9 (value) outside of symbols "
       "table (size 2)]"},
      {{1, 1},
       {},
       2,
       0,
       "[a=a, !parsing metadata for series [1 1]: metadata help_ref 2 outside of symbols table "
       "(size 2)]"},
      {{1, 1},
       {},
       0,
       7,
       "[a=a, !parsing metadata for series [1 1]: metadata unit_ref 7 outside of symbols table "
       "(size 2)]"},
      {{1, 1}, {1}, 0, 0, "[a=a, {invalid labelRefs length 1}0:0.000000]"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.says);
    wire::v2::Request request;
    request.add_symbols("");
    request.add_symbols("a");
    auto* series = request.add_timeseries();
    for (const auto ref : c.labels) series->add_labels_refs(ref);
    series->mutable_metadata()->set_help_ref(c.help);
    series->mutable_metadata()->set_unit_ref(c.unit);
    for (const auto ref : c.exemplar) {
      if (series->exemplars_size() == 0) series->add_exemplars();
      series->mutable_exemplars(0)->add_labels_refs(ref);
    }
    EXPECT_EQ(c.says, Describe(WriteVersion::kV2, request.SerializeAsString()));
  }
}

TEST(RemoteWriteTest, AllocatesNothingPerSample) {
  constexpr int kSeries = 1000, kSamples = 10;
  wire::WriteRequest request;
  for (int i = 0; i < kSeries; ++i) {
    auto* series = request.add_timeseries();
    for (int k = 0; k < 8; ++k) {
      auto* label = series->add_labels();
      label->set_name("a_label_name_that_is_long_" + std::to_string(k));
      label->set_value("a_label_value_that_is_long_" + std::to_string(i));
    }
    for (int k = 0; k < kSamples; ++k) series->add_samples()->set_timestamp(k);
  }
  const std::string body = request.SerializeAsString();
  int samples = 0;
  const std::size_t before = allocations;
  WriteRequestReader reader(WriteVersion::kV1, body);
  WriteSample sample;
  while (reader.NextSeries()) {
    while (reader.NextSample(sample)) ++samples;
  }
  EXPECT_LE(allocations - before, 20U);
  EXPECT_EQ(kSeries * kSamples, samples);
}

}  // namespace
}  // namespace narthex::proto
