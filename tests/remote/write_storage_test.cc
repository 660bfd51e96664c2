// SPDX-License-Identifier: Apache-2.0
#include "narthex/remote/write_storage.h"

#include "narthex/model/exemplar.h"
#include "narthex/model/histogram.h"
#include "narthex/model/sample.h"
#include "tests/remote/fixture.h"
#include "tests/support/fake_clock.h"

namespace narthex::remote::testing {
namespace {

TEST_F(RemoteWriteTest, SendsWhatIsAppendedAndNothingThatWasThereBefore) {
  Append({{{{"__name__", "old"}}, kStart, 1}, {{{"__name__", "up"}}, kStart, 1}});
  Receiver receiver;
  Start("global: {external_labels: {dc: eu, job: ext}}\n" + Section(receiver.Url()));
  Append({{{{"__name__", "up"}, {"job", "own"}}, kStart, 0.5},
          {{{"__name__", "up"}}, kStart + 1, -0.0}});
  Append({{{{"__name__", "up"}, {"job", "own"}}, kStart + 5, model::kStaleNaN}});
  const Points points = receiver.WaitForTaken(3);
  EXPECT_EQ(points, (Points{{R"({__name__="up", dc="eu", job="own"})",
                             {At(kStart, 0.5), At(kStart + 5, model::kStaleNaN)}},
                            {R"({__name__="up", dc="eu", job="ext"})", {At(kStart + 1, -0.0)}}}))
      << "labels of a series win over external ones; bits are kept";
  storage_->Stop();
  EXPECT_EQ(Metric("samples_total"), 3);
  EXPECT_EQ(Metric("samples_pending"), 0);
  EXPECT_EQ(Metric("samples_failed_total"), 0);
  EXPECT_GT(Metric("bytes_total"), 0);
  EXPECT_EQ(Metric("queue_highest_sent_timestamp_seconds"), static_cast<double>(kStart / 1000));
  EXPECT_EQ(storage_->LowestSentTimestamp(), 0) << "no queue any more";
}

// Who cuts the log asks; while nothing is known all of it is needed.
TEST_F(RemoteWriteTest, TellsTheFirstSegmentThatIsNotSent) {
  Receiver receiver;
  receiver.Always("503 Unavailable");
  flush_deadline_ms_ = 1;
  Start(Section(receiver.Url()));
  AppendMany(1, 0, 1);
  receiver.WaitForRequests(1);
  Kill();  // The log goes on in another segment.
  Start(Section(receiver.Url()));
  AppendMany(1, 1, 1);
  receiver.WaitForRequests(2);
  EXPECT_EQ(storage_->FirstUnsentSegment(), 0);
  Apply("global: {}\n");
  EXPECT_EQ(storage_->FirstUnsentSegment(), std::nullopt) << "nobody is there to be sent to";
  storage_->Stop();
  EXPECT_EQ(storage_->FirstUnsentSegment(), 0);
}

TEST_F(RemoteWriteTest, HeadersOfBothVersions) {
  const struct {
    proto::WriteVersion version;
    std::string more, type, number;
  } cases[] = {{proto::WriteVersion::kV1, "", "application/x-protobuf", "0.1.0"},
               {proto::WriteVersion::kV2, ", protobuf_message: io.prometheus.write.v2.Request",
                "application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"}};
  for (const auto& c : cases) {
    Receiver receiver(c.version);
    Start(Section(receiver.Url(), c.more + ", headers: {X-Own: yes}"));
    AppendMany(1, copies_++, 1);
    const auto sent = receiver.WaitForRequests(1);
    const auto& request = sent[0].request;
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/api/v1/write");
    EXPECT_EQ(request.Header("Content-Encoding"), "snappy");
    EXPECT_EQ(request.Header("Content-Type"), c.type);
    EXPECT_EQ(request.Header("User-Agent"), "Prometheus/3.14.0");
    EXPECT_EQ(request.Header("X-Prometheus-Remote-Write-Version"), c.number);
    EXPECT_EQ(request.Header("X-Own"), "yes");
    EXPECT_EQ(request.Header("Retry-Attempt"), "");
    storage_ = nullptr;
  }
}

TEST_F(RemoteWriteTest, RelabellingComesAfterExternalLabels) {
  Receiver receiver;
  Start("global: {external_labels: {dc: eu}}\n" +
        Section(receiver.Url(),
                ", write_relabel_configs: [{source_labels: [__name__, dc], regex: 'b;eu', action: "
                "drop}, {source_labels: [dc], target_label: at}]"));
  Append({{{{"__name__", "a"}}, kStart, 1}, {{{"__name__", "b"}}, kStart, 2}});
  Append({{{{"__name__", "b"}}, kStart + 1, 3}, {{{"__name__", "a"}}, kStart + 1, 4}});
  EXPECT_EQ(receiver.WaitForTaken(2),
            (Points{{R"({__name__="a", at="eu", dc="eu"})", {At(kStart, 1), At(kStart + 1, 4)}}}));
  EXPECT_EQ(Metric("samples_dropped_total", R"(reason="dropped_series")"), 2);
  EXPECT_EQ(Metric("samples_dropped_total", R"(reason="unintentionally_dropped_series")"), 0);
}

TEST_F(RemoteWriteTest, BatchesHaveTheirMaximum) {
  Receiver receiver;
  Start(Section(receiver.Url(), "", ", max_samples_per_send: 3"));
  AppendMany(7, 0, 3);
  EXPECT_EQ(receiver.WaitForTaken(21), Many(7, 0, 3));
  for (const Sent& sent : receiver.requests()) {
    EXPECT_LE(sent.series.size(), 3U);
    for (const auto& series : sent.series) EXPECT_EQ(series.samples.size(), 1U);
  }
}

TEST_F(RemoteWriteTest, EachSeriesArrivesInItsOrderOverManyShards) {
  Receiver receiver;
  Start(Section(receiver.Url(), "", ", min_shards: 5, max_samples_per_send: 7, capacity: 14"));
  EXPECT_EQ(Metric("shards"), 5);
  AppendMany(23, 0, 40);
  EXPECT_EQ(receiver.WaitForTaken(23 * 40), Many(23, 0, 40)) << "their order too";
}

TEST_F(RemoteWriteTest, TriesAgainAsLongAsThatMayHelp) {
  Receiver receiver;
  receiver.OnRequest([](const Sent& sent, int number) -> Receiver::Answer {
    if (number == 0) return {.status = "500 Internal Server Error"};
    if (number == 1) return {.status = "503 Unavailable", .headers = "Retry-After: 0\r\n"};
    if (number == 2) return {.body = "half of it", .status = "502 Bad Gateway", .cut = true};
    return Receiver::Taken(sent);
  });
  Start(Section(receiver.Url()));
  AppendMany(2, 0, 1);
  const auto sent = receiver.WaitForRequests(4);
  ASSERT_EQ(sent.size(), 4U);
  const char* attempts[] = {"", "1", "2", "3"};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(sent[i].request.Header("Retry-Attempt"), attempts[i]);
    EXPECT_EQ(sent[i].request.body, sent[0].request.body);
  }
  storage_->Stop();
  EXPECT_EQ(Metric("samples_total"), 8) << "each attempt counts";
  EXPECT_EQ(Metric("samples_retried_total"), 6);
  EXPECT_EQ(Metric("samples_failed_total"), 0);
}

TEST_F(RemoteWriteTest, WhatIsRefusedIsDroppedAndCounted) {
  for (const char* status : {"400 Bad Request", "404 Not Found", "413 Too Large", "429 Slow"}) {
    SCOPED_TRACE(status);
    Receiver receiver;
    receiver.OnRequest([status](const Sent& sent, int number) -> Receiver::Answer {
      if (number == 0) return {.status = status};
      return Receiver::Taken(sent);
    });
    Start(Section(receiver.Url(), "", ", max_samples_per_send: 2"));
    AppendMany(2, copies_, 2);
    EXPECT_EQ(receiver.WaitForTaken(2), Many(2, copies_ + 1, 1));
    storage_->Stop();
    EXPECT_EQ(Metric("samples_failed_total", receiver.Url()), 2);
    EXPECT_EQ(Metric("samples_retried_total", receiver.Url()), 0);
    copies_ += 2;
  }
}

TEST_F(RemoteWriteTest, TooManyRequestsAreTriedAgainWhereConfigured) {
  Receiver receiver;
  receiver.OnRequest([](const Sent& sent, int number) -> Receiver::Answer {
    if (number == 0) return {.status = "429 Slow down"};
    return Receiver::Taken(sent);
  });
  Start(Section(receiver.Url(), "", ", retry_on_http_429: true"));
  AppendMany(3, 0, 1);
  EXPECT_EQ(receiver.WaitForTaken(3), Many(3, 0, 1));
  EXPECT_EQ(Metric("samples_failed_total"), 0);
}

TEST_F(RemoteWriteTest, Version2HasMetadataAndWantsToBeToldWhatWasWritten) {
  Receiver receiver(proto::WriteVersion::kV2);
  receiver.OnRequest([](const Sent& sent, int number) -> Receiver::Answer {
    if (number == 1) return {.status = "200 OK"};  // As one that takes it for version 1.
    if (number == 2) {
      return {.status = "204 No Content",
              .headers = "x-prometheus-remote-write-samples-written: 1\r\n"};
    }
    return Receiver::Taken(sent);
  });
  Start(Section(receiver.Url(), ", protobuf_message: io.prometheus.write.v2.Request"));
  const auto append = [&](int i) {
    const auto appender = db_->NewAppender();
    for (const char* name : {"a_total", "b_total"}) {
      const model::Labels labels{{"__name__", name}};
      storage::SeriesRef ref{0};
      ASSERT_EQ(appender->Append(ref, labels, kStart + i, i), storage::AppendError::kNone);
      appender->UpdateMetadata(ref, labels, {model::MetricType::kCounter, "s", "Help."});
    }
    ASSERT_TRUE(appender->Commit());
  };
  append(0);
  const auto sent = receiver.WaitForRequests(1);
  ASSERT_EQ(sent[0].series.size(), 2U);
  for (const auto& series : sent[0].series) {
    EXPECT_EQ(series.type, model::MetricType::kCounter);
    EXPECT_EQ(series.help, "Help.");
    EXPECT_EQ(series.unit, "s");
  }
  append(1);
  receiver.WaitForRequests(2);
  append(2);
  receiver.WaitForRequests(3);
  storage_->Stop();
  EXPECT_EQ(receiver.requests().size(), 3U) << "none was tried again";
  EXPECT_EQ(Metric("samples_failed_total"), 2 + 1);
}

model::Histogram SomeHistogram(std::int32_t schema) {
  model::Histogram histogram;
  histogram.schema = schema;
  histogram.count = 3;
  histogram.sum = 7;
  histogram.positive_spans = {{0, 2}};
  histogram.positive_buckets = {1, 1};
  if (schema == model::kCustomBucketsSchema) histogram.custom_values = {1, 2};
  return histogram;
}

TEST_F(RemoteWriteTest, HistogramsAndExemplarsWhereAskedFor) {
  const struct {
    const char* name;
    proto::WriteVersion version;
    std::string more;
    std::size_t histograms, exemplars;
    double custom_dropped;
  } cases[] = {
      {"plain", proto::WriteVersion::kV1, "", 0, 0, 0},
      {"asked for", proto::WriteVersion::kV1,
       ", send_native_histograms: true, send_exemplars: true", 2, 1, 1},
      {"version 2", proto::WriteVersion::kV2,
       ", protobuf_message: io.prometheus.write.v2.Request, send_exemplars: true", 3, 1, 0}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Receiver receiver(c.version);
    Start(Section(receiver.Url(), c.more));
    const model::TimestampMs t = kStart + 1000 * ++copies_;
    const auto appender = db_->NewAppender();
    const auto labels = [](const char* name) { return model::Labels{{"__name__", name}}; };
    storage::SeriesRef ref{0};
    ASSERT_EQ(appender->AppendHistogram(ref, labels("h"), t, SomeHistogram(1)),
              storage::AppendError::kNone);
    ref = storage::SeriesRef{0};
    ASSERT_EQ(
        appender->AppendFloatHistogram(ref, labels("fh"), t, model::ToFloat(SomeHistogram(1))),
        storage::AppendError::kNone);
    ref = storage::SeriesRef{0};
    ASSERT_EQ(appender->AppendHistogram(ref, labels("nhcb"), t,
                                        SomeHistogram(model::kCustomBucketsSchema)),
              storage::AppendError::kNone);
    ref = storage::SeriesRef{0};
    ASSERT_EQ(appender->Append(ref, labels("f"), t, 1), storage::AppendError::kNone);
    model::Exemplar exemplar;
    exemplar.labels = {{"trace_id", "x"}};
    exemplar.value = 1.5;
    exemplar.t = t;
    exemplar.has_timestamp = true;
    ASSERT_EQ(appender->AppendExemplar(ref, labels("f"), exemplar), storage::AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
    receiver.WaitForTaken(1);
    storage_->Stop();
    std::size_t histograms = 0;
    std::vector<std::string> exemplars;
    for (const Sent& sent : receiver.requests()) {
      for (const auto& series : sent.series) {
        histograms += series.histograms.size();
        exemplars.insert(exemplars.end(), series.exemplars.begin(), series.exemplars.end());
        for (const auto& h : series.histograms) {
          EXPECT_EQ(h.t, t);
          EXPECT_EQ(std::holds_alternative<model::FloatHistogram>(h.value),
                    series.labels.find("fh") != std::string::npos);
        }
      }
    }
    EXPECT_EQ(histograms, c.histograms);
    EXPECT_EQ(exemplars.size(), c.exemplars);
    if (!exemplars.empty()) {
      EXPECT_EQ(exemplars[0], fmt::format(R"({{trace_id="x"}} 1.500000@{})", t));
    }
    EXPECT_EQ(Metric("histograms_dropped_total", "nhcb_in_rw1_not_supported", receiver.Url()),
              c.custom_dropped);
  }
}

TEST_F(RemoteWriteTest, SamplesThatAreTooOldAreDroppedBeforeAndBetweenAttempts) {
  narthex::testing::FakeClock clock;
  clock_ = &clock;
  Receiver receiver;
  receiver.OnRequest([&clock](const Sent& sent, int number) -> Receiver::Answer {
    if (number > 0) return Receiver::Taken(sent);
    clock.AdvanceMs(2000);
    return {.status = "503 Unavailable"};
  });
  Start(Section(receiver.Url(), "", ", sample_age_limit: 1m"));
  const model::TimestampMs now = clock.NowMs();
  const auto series = [](const char* name) { return model::Labels{{"__name__", name}}; };
  Append({{series("old"), now - 61'000, 1},
          {series("aging"), now - 59'000, 2},
          {series("fresh"), now, 3}});
  EXPECT_EQ(receiver.WaitForTaken(1), (Points{{R"({__name__="fresh"})", {At(now, 3)}}}));
  EXPECT_EQ(receiver.requests()[0].series.size(), 2U);
  storage_->Stop();
  EXPECT_EQ(Metric("samples_dropped_total", "too_old"), 2);
  EXPECT_EQ(Metric("samples_pending"), 0);
  storage_ = nullptr;  // Before its clock.
}

TEST_F(RemoteWriteTest, MetadataOfVersion1) {
  Receiver receiver;
  WriteStorageOptions options;
  options.metadata = &metadata_;
  Start(Section(receiver.Url(), ", metadata_config: {send_interval: 10ms}"), std::move(options));
  const auto sent = receiver.WaitForRequests(1);
  const std::string& body = sent[0].body;
  EXPECT_NE(body.find("Help of up."), std::string::npos);
  EXPECT_EQ(body.find("Help of up."), body.rfind("Help of up.")) << "once";
  EXPECT_NE(body.find("Requests."), std::string::npos);
  EXPECT_EQ(sent[0].series.size(), 0U);
  storage_->Stop();
  EXPECT_GE(Metric("metadata_total"), 2);
  EXPECT_GT(Metric("metadata_bytes_total"), 0);
}

TEST_F(RemoteWriteTest, SignedForAws) {
  Receiver receiver;
  receiver.OnRequest([](const Sent& sent, int number) -> Receiver::Answer {
    if (number == 0 || number == 2 || number == 3) return {.status = "403 Forbidden"};
    return Receiver::Taken(sent);
  });
  Start(Section(receiver.Url(),
                ", sigv4: {region: eu-west-1, access_key: AKID, secret_key: secret}"));
  AppendMany(1, 0, 1);
  receiver.WaitForTaken(1);
  AppendMany(1, 1, 1);
  const std::vector<Sent> sent = receiver.WaitForRequests(4);
  for (const Sent& one : sent) {
    const std::string value = one.request.Header("Authorization");
    EXPECT_TRUE(value.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")) << value;
    EXPECT_NE(value.find("/eu-west-1/aps/aws4_request"), std::string::npos) << value;
  }
  storage_->Stop();
  EXPECT_EQ(receiver.requests().size(), 4U);
  EXPECT_EQ(Metric("samples_failed_total"), 1) << "new credentials did not help the second one";
}

TEST_F(RemoteWriteTest, EntriesThatCannotBeAreRefused) {
  Receiver receiver;
  Start(Section(receiver.Url()));
  const auto refused = [&](const std::string& yaml) {
    auto config = config::LoadText(yaml, "x");
    if (!config) return config.error().message();
    const Status status = storage_->Check(**config);
    EXPECT_FALSE(status);
    return status ? "" : status.error().message();
  };
  EXPECT_EQ(refused("remote_write: [{url: 'http://u:p@x/'}, {url: 'http://u:p@x/'}]"),
            "duplicate remote write configs are not allowed, found duplicate for URL: "
            "http://u:xxxxx@x/");
  AppendMany(1, 0, 1);
  receiver.WaitForTaken(1);
  Apply("global: {}\n");
  EXPECT_EQ(Metric("samples_total"), -1) << "an endpoint that is gone has no metrics";
}

}  // namespace
}  // namespace narthex::remote::testing
