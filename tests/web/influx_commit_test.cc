// SPDX-License-Identifier: Apache-2.0
//
// Line protocol into a storage whose disk fails.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

/// Takes all samples; the commits after the first few fail.
class FailingStorage final : public storage::Appendable {
 public:
  explicit FailingStorage(int good_commits) : good_commits_(good_commits) {}
  std::unique_ptr<storage::Appender> NewAppender() override {
    return std::make_unique<Taker>(good_commits_);
  }

 private:
  using Error = storage::AppendError;
  using Ref = storage::SeriesRef;

  class Taker final : public storage::Appender {
   public:
    explicit Taker(int& good_commits) : good_commits_(good_commits) {}
    Error Append(Ref& ref, const model::Labels&, model::TimestampMs, double) override {
      ref = Ref{1};
      return Error::kNone;
    }
    void AppendColumn(std::span<const Ref>, model::TimestampMs, std::span<const double>,
                      std::span<Error>) override {}
    Error AppendHistogram(Ref&, const model::Labels&, model::TimestampMs,
                          const model::Histogram&) override {
      return Error::kNone;
    }
    Error AppendFloatHistogram(Ref&, const model::Labels&, model::TimestampMs,
                               const model::FloatHistogram&) override {
      return Error::kNone;
    }
    Error AppendExemplar(Ref, const model::Labels&, const model::Exemplar&) override {
      return Error::kNone;
    }
    void UpdateMetadata(Ref, const model::Labels&, const model::Metadata&) override {}
    void SetDiscardOutOfOrder(bool) override {}
    Status Commit() override {
      if (good_commits_-- > 0) return {};
      return Fail(Code::kIo, "no space left on device");
    }
    void Rollback() noexcept override {}

   private:
    int& good_commits_;
  };

  int good_commits_;
};

TEST(InfluxCommitTest, CountsThePartsThatWereStored) {
  const struct {
    int good_commits;
    int status;
    const char* stored;
  } cases[] = {{0, 500, "0"}, {1, 500, "100000"}, {2, 500, "200000"}, {3, 204, "200001"}};
  std::string body;
  for (int i = 0; i < 200'001; ++i) body += "a v=1\n";
  for (const auto& c : cases) {
    SCOPED_TRACE(c.good_commits);
    FailingStorage storage(c.good_commits);
    FakeServer server;
    server.appendable = &storage;
    server.options.enable_influx_receiver = true;
    net::ServerRequest request;
    request.method = "POST";
    request.path = "/write";
    request.body = body;
    Answer answer;
    server.router().Dispatch(request, answer);
    EXPECT_EQ(c.status, answer.status);
    EXPECT_NE(
        std::string::npos,
        server.MetricsText().find(std::string("narthex_influx_samples_total ") + c.stored + "\n"));
  }
}

}  // namespace
}  // namespace narthex::web
