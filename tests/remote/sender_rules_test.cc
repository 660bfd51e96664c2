// SPDX-License-Identifier: Apache-2.0
//
// Rules for senders of remote write, as the specifications of both versions have them. The list of
// all rules and of their tests is in docs/remote-write.md.
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "narthex/model/exemplar.h"
#include "narthex/model/histogram.h"
#include "narthex/model/sample.h"
#include "tests/remote/fixture.h"

namespace narthex::remote::testing {
namespace {

constexpr const char* kVersion2 = ", protobuf_message: io.prometheus.write.v2.Request";

class SenderRulesTest : public RemoteWriteTest {
 protected:
  model::Exemplar Exemplar(const std::string& trace, model::TimestampMs t) {
    model::Exemplar exemplar;
    exemplar.labels = {{"trace_id", trace}};
    exemplar.value = 1;
    exemplar.t = t;
    exemplar.has_timestamp = true;
    return exemplar;
  }
  /// A scrape of so many series, each with an exemplar.
  void Scrape(int series, model::TimestampMs t) {
    const auto appender = db_->NewAppender();
    for (int i = 0; i < series; ++i) {
      storage::SeriesRef ref{0};
      ASSERT_EQ(appender->Append(ref, Series(i), t, i), storage::AppendError::kNone);
      ASSERT_EQ(appender->AppendExemplar(ref, Series(i), Exemplar(std::to_string(i), t)),
                storage::AppendError::kNone);
    }
    ASSERT_TRUE(appender->Commit());
  }
  /// A sample, which the receiver answers as it likes to; then another one, which is taken.
  void AppendTwo(Receiver& receiver) {
    const int first = copies_;
    copies_ += 2;
    AppendMany(1, first, 1);
    receiver.WaitForRequests(1);
    AppendMany(1, first + 1, 1);
    const Point last = At(kStart + (first + 1) * 1000, first + 1);
    receiver.WaitForPoints([&](const Points& points) {
      const auto found = points.find(Series(0).ToString());
      return found != points.end() && found->second.back() == last;
    });
    storage_->Stop();
  }
  static std::size_t NumExemplars(const std::vector<Sent>& requests) {
    std::size_t count = 0;
    for (const Sent& sent : requests) {
      for (const auto& series : sent.series) count += series.exemplars.size();
    }
    return count;
  }
};

// Even when a batch was due long ago: a scrape is cut behind its exemplars, not before them.
TEST_F(SenderRulesTest, AScrapeIsSentTogetherWithItsExemplars) {
  Receiver receiver;
  Start(Section(receiver.Url(), ", send_exemplars: true"));
  constexpr int kScrapes = 5;
  for (int i = 0; i < kScrapes; ++i) {
    Scrape(3, kStart + i * 1000);
    receiver.WaitForTaken(3 * static_cast<std::size_t>(i + 1));
  }
  const std::vector<Sent> requests = receiver.requests();
  const auto together = std::count_if(requests.begin(), requests.end(), [](const Sent& sent) {
    return NumExemplars({sent}) == 3 && sent.series.size() == 6;
  });
  // One may be cut in two on a machine that lets the sender wait for a second.
  EXPECT_GE(together, kScrapes - 1);
}

// A series of version 2 without a sample is refused by receivers, with its exemplars.
TEST_F(SenderRulesTest, Version2SendsExemplarsWithASampleOfTheirSeries) {
  Receiver receiver(proto::WriteVersion::kV2);
  // A scrape is more than one request: most samples have gone when their exemplars come.
  Start(Section(receiver.Url(), std::string(kVersion2) + ", send_exemplars: true",
                ", max_samples_per_send: 3"));
  constexpr int kScrapes = 4;
  for (int i = 0; i < kScrapes; ++i) Scrape(7, kStart + i * 1000);
  receiver.WaitForTaken(7 * kScrapes);
  AppendMany(7, kScrapes, 1);  // What still waits goes with these.
  receiver.WaitForTaken(7 * (kScrapes + 1));
  const std::vector<Sent> requests = receiver.requests();
  std::map<std::string, std::vector<std::string>> exemplars;
  for (const Sent& sent : requests) {
    for (const auto& series : sent.series) {
      EXPECT_EQ(series.samples.size(), 1U);
      auto& all = exemplars[series.labels];
      all.insert(all.end(), series.exemplars.begin(), series.exemplars.end());
    }
  }
  ASSERT_EQ(exemplars.size(), 7U);
  for (int s = 0; s < 7; ++s) {
    const auto& found = exemplars[Series(s).ToString()];
    ASSERT_EQ(found.size(), static_cast<std::size_t>(kScrapes)) << s;
    for (int i = 0; i < kScrapes; ++i) {
      EXPECT_EQ(found[static_cast<std::size_t>(i)],
                fmt::format(R"({{trace_id="{}"}} 1.000000@{})", s, kStart + i * 1000));
    }
  }
  storage_->Stop();
  EXPECT_EQ(Metric("exemplars_total"), 7 * kScrapes);
  EXPECT_EQ(Metric("exemplars_pending"), 0);
}

TEST_F(SenderRulesTest, ExemplarsThatWaitAreSentBeforeTheEnd) {
  Receiver receiver(proto::WriteVersion::kV2);
  Start(Section(receiver.Url(), std::string(kVersion2) + ", send_exemplars: true",
                ", max_samples_per_send: 2"));
  Scrape(5, kStart);
  receiver.WaitForTaken(5);
  storage_->Stop();
  EXPECT_EQ(NumExemplars(receiver.requests()), 5U);
  EXPECT_EQ(Metric("exemplars_pending"), 0);
}

TEST_F(SenderRulesTest, HistogramsHaveTheirExemplarsAndNoSamples) {
  Receiver receiver(proto::WriteVersion::kV2);
  Start(Section(receiver.Url(), std::string(kVersion2) + ", send_exemplars: true"));
  model::Histogram histogram;
  histogram.count = 1;
  histogram.positive_spans = {{0, 1}};
  histogram.positive_buckets = {1};
  const auto appender = db_->NewAppender();
  storage::SeriesRef ref{0};
  ASSERT_EQ(appender->AppendHistogram(ref, Series(0), kStart, histogram),
            storage::AppendError::kNone);
  for (const int i : {0, 1}) {
    ASSERT_EQ(appender->AppendExemplar(ref, Series(0), Exemplar(std::to_string(i), kStart + i)),
              storage::AppendError::kNone);
  }
  // A series may change its kind.
  ASSERT_TRUE(appender->Commit());
  Append({{Series(0), kStart + 1, 5}});
  receiver.WaitForTaken(1);
  std::size_t histograms = 0;
  for (const Sent& sent : receiver.requests()) {
    for (const auto& series : sent.series) {
      EXPECT_EQ(series.samples.size() + series.histograms.size(), 1U) << "never both";
      if (series.histograms.empty()) continue;
      ++histograms;
      EXPECT_EQ(series.exemplars.size(), 2U);
    }
  }
  EXPECT_EQ(histograms, 1U);
}

TEST_F(SenderRulesTest, AnswersThatAreTriedAgainAndThoseThatAreNot) {
  const struct {
    const char* status;
    bool again;
  } cases[] = {{"500 Internal Server Error", true},
               {"501 Not Implemented", true},
               {"502 Bad Gateway", true},
               {"503 Service Unavailable", true},
               {"504 Gateway Timeout", true},
               {"599 What", true},
               {"400 Bad Request", false},
               {"401 Unauthorized", false},
               {"403 Forbidden", false},
               {"404 Not Found", false},
               {"409 Conflict", false},
               {"413 Payload Too Large", false},
               {"415 Unsupported Media Type", false},
               {"422 Unprocessable Entity", false},
               {"429 Too Many Requests", false},
               {"304 Not Modified", false},
               {"700 What", false}};
  for (const proto::WriteVersion version : {proto::WriteVersion::kV1, proto::WriteVersion::kV2}) {
    for (const auto& c : cases) {
      SCOPED_TRACE(c.status);
      Receiver receiver(version);
      receiver.OnRequest([&](const Sent& sent, int number) -> Receiver::Answer {
        if (number == 0) return {.status = c.status};
        return Receiver::Taken(sent);
      });
      Start(Section(receiver.Url(), version == proto::WriteVersion::kV2 ? kVersion2 : ""));
      AppendTwo(receiver);
      EXPECT_EQ(receiver.NumTaken(), c.again ? 2U : 1U);
      EXPECT_EQ(Metric("samples_failed_total", receiver.Url()), c.again ? 0 : 1);
      const std::vector<Sent> requests = receiver.requests();
      for (const Sent& sent : requests) {
        EXPECT_EQ(sent.request.Header("Content-Type"), requests[0].request.Header("Content-Type"))
            << "what was refused is not sent in another version";
      }
    }
  }
}

// A request is taken or refused by the head of its answer, whatever becomes of the text behind it.
TEST_F(SenderRulesTest, OddAnswers) {
  const struct {
    const char* name;
    Receiver::Answer answer;
    bool again;
  } cases[] = {
      {"text behind 200", {.body = "all is well", .status = "200 OK"}, false},
      {"much text behind 200", {.body = std::string(1 << 20, 'x'), .status = "200 OK"}, false},
      {"torn text behind 200", {.body = "all is well", .status = "200 OK", .cut = true}, false},
      {"202", {.status = "202 Accepted"}, false},
      {"much text behind 500", {.body = std::string(1 << 20, 'x'), .status = "500 No"}, true},
      {"torn text behind 500", {.body = "no no no", .status = "500 No", .cut = true}, true},
      {"nothing", {.raw = ""}, true},
      {"no HTTP", {.raw = "SSH-2.0-OpenSSH_9.2p1\r\n"}, true},
      {"no number", {.raw = "HTTP/1.1 fine\r\n\r\n"}, true},
      {"torn head", {.raw = "HTTP/1.1 204 No Content\r\nContent-Le"}, true},
      {"bytes", {.raw = std::string("\0\x01\xff\xfe", 4)}, true},
      {"endless head", {.raw = "HTTP/1.1 204 " + std::string(2 << 20, 'x')}, true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Receiver receiver;
    receiver.OnRequest([&](const Sent& sent, int number) -> Receiver::Answer {
      return number == 0 ? c.answer : Receiver::Taken(sent);
    });
    Start(Section(receiver.Url()));
    AppendTwo(receiver);
    const double samples = c.again ? 3 : 2;
    EXPECT_EQ(Metric("samples_total", receiver.Url()), samples);
    EXPECT_EQ(Metric("samples_failed_total", receiver.Url()), 0);
  }
}

TEST_F(SenderRulesTest, AnEndpointThatNeverAnswersHasItsTime) {
  Receiver receiver;
  receiver.OnRequest([](const Sent& sent, int number) -> Receiver::Answer {
    if (number < 2) return {.hang = true};
    return Receiver::Taken(sent);
  });
  Start(Section(receiver.Url(), ", remote_timeout: 50ms"));
  AppendMany(3, 0, 1);
  receiver.WaitForPoints([](const Points& points) { return points.size() == 3; });
  storage_->Stop();
  EXPECT_EQ(Metric("samples_failed_total"), 0);
}

TEST_F(SenderRulesTest, AnyValueTimeAndLabelArrivesAsItIs) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const double values[] = {0.0,
                           -0.0,
                           42,
                           -15.5,
                           123.45,
                           kInf,
                           -kInf,
                           std::numeric_limits<double>::quiet_NaN(),
                           model::kStaleNaN,
                           1.7976931348623157e308,
                           2.2250738585072014e-308,
                           5e-324,
                           0.1 + 0.2};
  const model::Labels labels[] = {
      {{"__name__", "up"}},
      {{"__name__", "job:up:sum"}, {"instance", "h:1"}},
      {{"__name__", "up"}, {"text", "日本語 ÄÖ 🚀 \\ \" \n"}},
      {{"__name__", "up"}, {"long", std::string(20'000, 'x')}},
      {{"__name__", "up"}, {std::string(2'000, 'n'), "v"}},
      {{"__name__", "up"}, {"with.dots and spaces", "v"}},
      {{"__name__", std::string(3'000, 'm')}},
  };
  const model::TimestampMs now = SystemClock().NowMs();
  for (const proto::WriteVersion version : {proto::WriteVersion::kV1, proto::WriteVersion::kV2}) {
    SCOPED_TRACE(version == proto::WriteVersion::kV2);
    Receiver receiver(version);
    Start(Section(receiver.Url(), version == proto::WriteVersion::kV2 ? kVersion2 : ""));
    Points expected;
    // Ahead of time is the receiver's business.
    model::TimestampMs t = now + ++copies_ * 1'000'000;
    for (const model::Labels& series : labels) {
      for (const double value : values) {
        Append({{series, ++t, value}});
        expected[series.ToString()].push_back(At(t, value));
      }
    }
    EXPECT_EQ(receiver.WaitForTaken(std::size(values) * std::size(labels)), expected);
    for (const Sent& sent : receiver.requests()) {
      for (const auto& series : sent.series) {
        EXPECT_TRUE(std::is_sorted(series.samples.begin(), series.samples.end(),
                                   [](const Point& a, const Point& b) { return a.t < b.t; }));
        for (const model::TimestampMs start : series.starts) EXPECT_EQ(start, 0);
      }
    }
  }
}

TEST_F(SenderRulesTest, LabelsAreSortedUniqueAndNotEmpty) {
  for (const proto::WriteVersion version : {proto::WriteVersion::kV1, proto::WriteVersion::kV2}) {
    Receiver receiver(version);
    Start("global: {external_labels: {zz: last, aa: first, own: theirs, gone: x}}\n" +
          Section(receiver.Url(),
                  std::string(version == proto::WriteVersion::kV2 ? kVersion2 : "") +
                      ", write_relabel_configs: [{target_label: gone, replacement: ''}, "
                      "{source_labels: [own], target_label: bb}]"));
    Append({{{{"__name__", "m"}, {"own", "mine"}}, kStart + ++copies_, 1}});
    receiver.WaitForTaken(1);
    // Text of what was sent, which the receiver takes for sorted.
    EXPECT_EQ(receiver.requests()[0].series[0].labels,
              R"({__name__="m", aa="first", bb="mine", own="mine", zz="last"})");
  }
}

TEST_F(SenderRulesTest, OneRequestHasManySeriesAndEachTextOnce) {
  Receiver receiver(proto::WriteVersion::kV2);
  Start(Section(receiver.Url(), kVersion2));
  AppendMany(200, 0, 1);
  receiver.WaitForTaken(200);
  const std::vector<Sent> requests = receiver.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].series.size(), 200U);
  EXPECT_EQ(requests[0].body.find("__name__"), requests[0].body.rfind("__name__"));
}

}  // namespace
}  // namespace narthex::remote::testing
