// SPDX-License-Identifier: Apache-2.0
//
// Series whose start is worked out from their first sample (feature st-synthesis).
#include "tests/scrape/metric_writer.h"
#include "tests/scrape/session_fixture.h"

namespace narthex::scrape {
namespace {

using Starts = std::vector<std::pair<double, model::TimestampMs>>;

class SessionSynthesisTest : public ScrapeSessionTest {
 protected:
  SessionSynthesisTest() {
    options.start_synthesis = true;
    storage.LetSamplesDiscard();
  }
  /// The body's samples at kStart plus so many seconds.
  void Scrape(const std::string& body, int second) {
    const Status status = Ingest(body, kStart + second * 1000);
    ASSERT_TRUE(status) << status.error().message();
  }
  static std::string Counter(double value) {
    return fmt::format("# TYPE c counter\nc {}\n", value);
  }
};

TEST_F(SessionSynthesisTest, TheFirstSampleIsTheStart) {
  options.start_times = true;
  const double values[] = {100, 100, 130, 20, 25};
  for (int i = 0; i < 5; ++i) {
    SCOPED_TRACE(i);
    Scrape(Counter(values[i]), i);
  }
  // Not stored; then what was counted since; from the reset on as it comes.
  EXPECT_EQ(Samples("c"), "0@1001000 30@1002000 20@1003000 25@1004000");
  EXPECT_EQ(storage.TakeStarts(),
            (Starts{{0, kStart}, {30, kStart}, {20, kStart + 2999}, {25, kStart + 2999}}));
  EXPECT_EQ(Samples("scrape_series_added"), "1@1000000 0@1001000 0@1002000 0@1003000 0@1004000");
  EXPECT_EQ(Samples("scrape_samples_post_metric_relabeling"),
            "1@1000000 1@1001000 1@1002000 1@1003000 1@1004000");
}

TEST_F(SessionSynthesisTest, OnlyCountersAndHistograms) {
  const std::string body =
      "untyped 5\n# TYPE g gauge\ng 5\n# TYPE s summary\ns_sum 5\ns_count 5\n"
      "# TYPE c counter\nother 5\nc 5\n"
      "# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"+Inf\"} 5\nh_sum 5\nh_count 5\n";
  Scrape(body, 0);
  Scrape(body, 1);
  for (const char* name : {"untyped", "g", "s_sum", "s_count", "other"}) {
    EXPECT_EQ(Samples(name), "5@1000000 5@1001000") << name;
  }
  for (const char* name : {"c", "h_sum", "h_count"}) EXPECT_EQ(Samples(name), "0@1001000") << name;
  EXPECT_EQ(storage.Samples(Series("h_bucket", {{"le", "1"}})), "0@1001000");
  EXPECT_EQ(Samples("scrape_series_added"), "10@1000000 0@1001000");
}

TEST_F(SessionSynthesisTest, WhatTellsItsStartIsLeftAlone) {
  options.start_times = true;
  content_type = "application/openmetrics-text; version=1.0.0";
  const std::string told = "# TYPE c counter\nc_total 7\nc_created 500.5\n# EOF\n";
  const std::string untold = "# TYPE c counter\nc_total 7\n# EOF\n";
  Scrape(told, 0);
  EXPECT_EQ(Samples("c_total"), "7@1000000");
  Scrape(untold, 1);  // Its first sample without one.
  Scrape(untold, 2);
  EXPECT_EQ(Samples("c_total"), "7@1000000 0@1002000");
  Scrape(told, 3);
  Scrape(untold, 4);
  Scrape(untold, 5);
  EXPECT_EQ(Samples("c_total"), "7@1000000 0@1002000 7@1003000 0@1005000");
  EXPECT_EQ(storage.TakeStarts(),
            (Starts{{7, 500'500}, {0, kStart + 1000}, {7, 500'500}, {0, kStart + 4000}}));
}

TEST_F(SessionSynthesisTest, ASeriesThatWasGoneBeginsAgain) {
  Scrape(Counter(10), 0);
  Scrape(Counter(12), 1);
  Scrape("# TYPE c counter\nd 1\n", 2);
  Scrape(Counter(20), 3);
  Scrape(Counter(21), 4);
  EXPECT_EQ(Samples("c"), "2@1001000 stale@1002000 1@1004000");
}

TEST_F(SessionSynthesisTest, AFailedScrapeForgetsNothing) {
  Scrape(Counter(10), 0);
  Scrape(Counter(12), 1);
  EXPECT_FALSE(Ingest("", kStart + 2000, Fail(Code::kIo, "connection refused")));
  Scrape(Counter(15), 3);
  EXPECT_EQ(Samples("c"), "2@1001000 stale@1002000 5@1003000");
}

TEST_F(SessionSynthesisTest, ASecondSampleInAScrapeIsRefused) {
  Scrape("# TYPE c counter\nc 10\nc 11\n", 0);
  EXPECT_EQ(Samples("c"), "");
  Scrape(Counter(12), 1);  // The first one again, as upstream.
  Scrape(Counter(13), 2);
  EXPECT_EQ(Samples("c"), "1@1002000");
  Scrape("# TYPE c counter\nc 14\nc 15\n", 3);
  Scrape(Counter(16), 4);
  Scrape(Counter(17), 5);
  EXPECT_EQ(Samples("c"), "1@1002000 2@1003000 1@1005000");
}

TEST_F(SessionSynthesisTest, StorageThatForgotTheSeries) {
  Scrape(Counter(10), 0);
  Scrape(Counter(11), 1);
  storage.ForgetRefs();
  Scrape(Counter(12), 2);
  EXPECT_EQ(Samples("c"), "1@1001000 2@1002000");
}

TEST_F(SessionSynthesisTest, ZerosAtTheStart) {
  options.start_zeros = true;
  Scrape(Counter(10), 0);
  Scrape(Counter(12), 1);
  Scrape(Counter(5), 2);
  EXPECT_EQ(Samples("c"), "0@1000000 2@1001000 0@1001999 5@1002000");
}

TEST_F(SessionSynthesisTest, AThirdSampleIsRefused) {
  Scrape("# TYPE c counter\nc 10\nc 11\nc 12\nc 13\n", 0);
  EXPECT_EQ(Samples("c"), "");
  Scrape(Counter(20), 1);
  Scrape(Counter(22), 2);
  EXPECT_EQ(Samples("c"), "2@1002000");
}

TEST_F(SessionSynthesisTest, ARefusedSampleIsNotTracked) {
  Scrape(Counter(10), 0);
  Scrape(Counter(12), 1);
  Scrape("# TYPE c counter\nc 13 1\n", 2);  // Out of order.
  EXPECT_EQ(Samples("c"), "2@1001000 stale@1002000");
  Scrape(Counter(14), 3);
  Scrape(Counter(15), 4);
  EXPECT_EQ(Samples("c"), "2@1001000 stale@1002000 1@1004000") << "it began again";
}

TEST_F(SessionSynthesisTest, SamplesWithTheirOwnTimeEndWithAMarker) {
  Scrape("# TYPE c counter\nc 10 1000000\n", 0);
  Scrape("# TYPE c counter\nc 12 1000500\n", 1);
  Scrape("# TYPE c counter\nc 13 1001500\n", 2);
  Scrape("# TYPE c counter\nd 1\n", 3);
  EXPECT_EQ(Samples("c"), "2@1000500 3@1001500 stale@1003000");
}

TEST_F(SessionSynthesisTest, FailedScrapesLeaveNoMoreThanTheCacheDoes) {
  Scrape(Counter(1), 0);
  for (int i = 1; i <= 4; ++i) {
    std::string body = "# TYPE c counter\n";
    for (int k = 0; k < 2000; ++k) body += fmt::format("c{{scrape=\"{}\",k=\"{}\"}} 1\n", i, k);
    EXPECT_FALSE(Ingest(body + "no sample\n", kStart + i * 1000));
  }
  StartSynthesis synthesis;
  double value = 1;
  for (std::uint64_t scrape = 0; scrape < 4; ++scrape) {
    for (std::uint64_t k = 0; k < 2000; ++k) synthesis.Adjust({k, scrape}, 1, value);
    synthesis.FinishScrape(false);
    EXPECT_TRUE(synthesis.Knows({1, scrape}));
    EXPECT_FALSE(scrape > 0 && synthesis.Knows({1, scrape - 1})) << scrape;
  }
}

TEST_F(SessionSynthesisTest, HistogramsThatMakeNoSense) {
  content_type =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
      "encoding=delimited";
  config.scrape_native_histograms = true;
  const auto body = [](const Message& histogram) {
    return Family("h", kHistogram).Sub(4, Message().Sub(7, histogram)).Delimited();
  };
  const auto histogram = [](std::int64_t schema, std::int64_t offset, std::uint64_t length) {
    return Message()
        .Varint(1, 2)
        .Double(2, 1)
        .Zigzag(5, schema)
        .Sub(12, Span(0, 1))
        .Sub(12, Span(offset, length))
        .Zigzag(13, 1)
        .Zigzag(13, 0);
  };
  const Message bad[] = {histogram(9, 0, 1),
                         histogram(12, 0, 1),
                         histogram(40, 0, 1),
                         histogram(-100, 0, 1),
                         histogram(-5, 0, 1),
                         histogram(0, -1, 1),
                         histogram(0, 0, 7),
                         histogram(0, 2'000'000'000, 1),
                         histogram(0, 0, 4'000'000'000)};
  int second = 0;
  for (const Message& h : bad) {
    SCOPED_TRACE(second);
    // Storage refuses or takes it as it is; nothing is counted with it.
    for (int twice = 0; twice < 2; ++twice) (void)Ingest(body(h), kStart + 1000 * second++);
  }
}

TEST_F(SessionSynthesisTest, Histograms) {
  content_type =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
      "encoding=delimited";
  config.scrape_native_histograms = true;
  // Two buckets with so many observations each.
  const auto body = [](std::int64_t each) {
    const Message h = Message()
                          .Varint(1, static_cast<std::uint64_t>(2 * each))
                          .Double(2, static_cast<double>(each))
                          .Zigzag(5, 0)
                          .Sub(12, Span(0, 2))
                          .Zigzag(13, each)
                          .Zigzag(13, 0);
    return Family("h", kHistogram).Sub(4, Message().Sub(7, h)).Delimited();
  };
  Scrape(body(5), 0);
  EXPECT_TRUE(storage.Histograms(Series("h")).empty());
  Scrape(body(7), 1);
  Scrape(body(8), 2);
  Scrape(body(1), 3);
  Scrape(body(2), 4);
  const auto found = storage.Histograms(Series("h"));
  const std::vector<std::string> wanted = {"int {count:4, sum:2, (0.5,1]:2, (1,2]:2}@1001000",
                                           "int {count:6, sum:3, (0.5,1]:3, (1,2]:3}@1002000",
                                           "int {count:2, sum:1, (0.5,1]:1, (1,2]:1}@1003000",
                                           "int {count:4, sum:2, (0.5,1]:2, (1,2]:2}@1004000"};
  EXPECT_EQ(found, wanted);
  EXPECT_EQ(Samples("scrape_series_added"), "1@1000000 0@1001000 0@1002000 0@1003000 0@1004000");
}

}  // namespace
}  // namespace narthex::scrape
