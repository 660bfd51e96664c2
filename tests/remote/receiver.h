// SPDX-License-Identifier: Apache-2.0
//
// An endpoint of remote write: takes requests, lets the test say what it answers, and knows what it
// was sent.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/base/mutex.h"
#include "narthex/model/labels.h"
#include "narthex/proto/remote_write.h"
#include "narthex/proto/snappy.h"
#include "tests/support/fake_http_server.h"

namespace narthex::remote::testing {

using narthex::testing::FakeHttpServer;

/// A sample that compares by bits, so that NaN equals itself.
struct Point {
  model::TimestampMs t = 0;
  std::uint64_t bits = 0;
  bool operator==(const Point&) const = default;
};
inline Point At(model::TimestampMs t, double value) {
  return {t, std::bit_cast<std::uint64_t>(value)};
}
inline void PrintTo(const Point& point, std::ostream* out) {
  *out << std::bit_cast<double>(point.bits) << "@" << point.t;
}

/// What a request says, its series in the order sent; texts as model::Labels writes them.
struct Sent {
  FakeHttpServer::Request request;
  std::string body;  // Decompressed.
  struct Series {
    std::string labels;
    std::vector<Point> samples;
    std::vector<model::TimestampMs> starts;
    std::vector<proto::WriteHistogram> histograms;
    std::vector<std::string> exemplars;  // "{…} value@time"
    model::MetricType type = model::MetricType::kUnknown;
    std::string help, unit;
  };
  std::vector<Series> series;
  bool taken = false;  // Answered with 2xx.
};

/// Samples by the text of the labels, as they came.
using Points = std::map<std::string, std::vector<Point>>;

/// Thread safety: any thread.
class Receiver {
 public:
  using Answer = FakeHttpServer::Response;
  /// @param number  of the request, from 0 on
  using Handler = std::function<Answer(const Sent&, int number)>;

  explicit Receiver(proto::WriteVersion version = proto::WriteVersion::kV1)
      : version_(version), server_([this](const auto& request) { return Serve(request); }) {}

  void OnRequest(Handler handler) {
    MutexLock lock(mutex_);
    handler_ = std::move(handler);
  }
  /// From now on answers so.
  void Always(std::string status, std::string headers = {}) {
    OnRequest([status, headers](const Sent&, int) {
      return Answer{.status = status, .headers = headers};
    });
  }
  std::string Url() const { return server_.Url("/api/v1/write"); }

  std::vector<Sent> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }
  /// Those of requests that were taken.
  Points Taken() const {
    MutexLock lock(mutex_);
    return TakenNow();
  }
  std::size_t NumTaken() const {
    MutexLock lock(mutex_);
    return CountTaken();
  }
  /// Waits until so many samples were taken; fails when they never are.
  Points WaitForTaken(std::size_t count) {
    MutexLock lock(mutex_);
    WaitUntil([&]() NX_NO_THREAD_SAFETY_ANALYSIS { return CountTaken() >= count; });
    EXPECT_EQ(CountTaken(), count);
    return TakenNow();
  }
  /// Waits until `done` says so of what was taken.
  void WaitForPoints(const std::function<bool(const Points&)>& done) {
    MutexLock lock(mutex_);
    WaitUntil([&]() NX_NO_THREAD_SAFETY_ANALYSIS { return done(TakenNow()); });
    EXPECT_TRUE(done(TakenNow()));
  }
  std::vector<Sent> WaitForRequests(std::size_t count) {
    MutexLock lock(mutex_);
    WaitUntil([&]() NX_NO_THREAD_SAFETY_ANALYSIS { return requests_.size() >= count; });
    EXPECT_GE(requests_.size(), count);
    return requests_;
  }

 private:
  // Looks more and more seldom, as what is looked for may mean to go through all requests.
  template <typename Done>
  void WaitUntil(Done done) NX_REQUIRES(mutex_) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    auto pause = std::chrono::milliseconds(1);
    while (!done() && std::chrono::steady_clock::now() < end) {
      pause_.WaitFor(mutex_, pause);
      pause = std::min(pause * 2, std::chrono::milliseconds(100));
    }
  }
  std::size_t CountTaken() const NX_REQUIRES(mutex_) {
    std::size_t count = 0;
    for (const Sent& sent : requests_) {
      if (!sent.taken) continue;
      for (const Sent::Series& series : sent.series) count += series.samples.size();
    }
    return count;
  }
  Points TakenNow() const NX_REQUIRES(mutex_) {
    Points points;
    for (const Sent& sent : requests_) {
      if (!sent.taken) continue;
      for (const Sent::Series& series : sent.series) {
        auto& all = points[series.labels];
        all.insert(all.end(), series.samples.begin(), series.samples.end());
      }
    }
    return points;
  }

  Answer Serve(const FakeHttpServer::Request& request) {
    Sent sent{.request = request, .body = {}, .series = {}};
    EXPECT_TRUE(proto::SnappyDecode(request.body, 64 << 20, sent.body));
    Read(sent);
    Handler handler;
    int number = 0;
    {
      MutexLock lock(mutex_);
      handler = handler_;
      number = num_++;
    }
    const Answer answer = handler ? handler(sent, number) : Taken(sent);
    MutexLock lock(mutex_);
    sent.taken = !answer.raw && !answer.hang && answer.status.starts_with('2');
    requests_.push_back(std::move(sent));
    return answer;
  }

 public:
  /// "204 No Content" with the headers of version 2.
  static Answer Taken(const Sent& sent) {
    std::size_t samples = 0;
    std::size_t histograms = 0;
    std::size_t exemplars = 0;
    for (const auto& series : sent.series) {
      samples += series.samples.size();
      histograms += series.histograms.size();
      exemplars += series.exemplars.size();
    }
    const std::string prefix = "X-Prometheus-Remote-Write-";
    return {.status = "204 No Content",
            .headers = prefix + "Samples-Written: " + std::to_string(samples) + "\r\n" + prefix +
                       "Histograms-Written: " + std::to_string(histograms) + "\r\n" + prefix +
                       "Exemplars-Written: " + std::to_string(exemplars) + "\r\n"};
  }

 private:
  void Read(Sent& sent) const {
    proto::WriteRequestReader reader(version_, sent.body);
    while (reader.NextSeries()) {
      Sent::Series& series = sent.series.emplace_back();
      series.labels = Text(reader.labels());
      series.type = reader.metadata().type;
      series.help = reader.metadata().help;
      series.unit = reader.metadata().unit;
      EXPECT_EQ(reader.bad_reference(), "");
      proto::WriteSample sample;
      while (reader.NextSample(sample)) {
        series.samples.push_back(At(sample.t, sample.value));
        series.starts.push_back(sample.start_t);
      }
      proto::WriteHistogram histogram;
      while (reader.NextHistogram(histogram)) series.histograms.push_back(histogram);
      proto::WriteExemplar exemplar;
      while (reader.NextExemplar(exemplar)) {
        series.exemplars.push_back(Text(exemplar.labels) + " " + std::to_string(exemplar.value) +
                                   "@" + std::to_string(exemplar.t));
      }
    }
    EXPECT_TRUE(reader.status());
  }
  static std::string Text(std::span<const model::LabelView> labels) {
    std::vector<std::pair<std::string_view, std::string_view>> pairs;
    for (const auto& [name, value] : labels) pairs.emplace_back(name, value);
    return model::Labels::FromSorted(pairs).ToString();
  }

  const proto::WriteVersion version_;
  mutable Mutex mutex_;
  CondVar pause_;  // Nobody ends one.
  Handler handler_ NX_GUARDED_BY(mutex_);
  int num_ NX_GUARDED_BY(mutex_) = 0;
  std::vector<Sent> requests_ NX_GUARDED_BY(mutex_);
  FakeHttpServer server_;  // Last: its threads use the others.
};

}  // namespace narthex::remote::testing
