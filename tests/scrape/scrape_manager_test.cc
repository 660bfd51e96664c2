// SPDX-License-Identifier: Apache-2.0
//
// The manager with real loops against a server on 127.0.0.1 that a test scripts.
#include "narthex/scrape/scrape_manager.h"

#include <filesystem>
#include <fstream>
#include <future>

#include <zlib.h>
#include <zstd.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/config/config.h"
#include "narthex/net/io_pool.h"
#include "tests/net/raw_server.h"
#include "tests/scrape/recording_storage.h"
#include "tests/support/temp_dir.h"

namespace narthex::scrape {
namespace {

std::string Response(const std::string& status, const std::string& headers,
                     const std::string& body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers,
                     body);
}
std::string Metrics(const std::string& body) {
  return Response("200 OK", "Content-Type: text/plain; version=0.0.4\r\n", body);
}

std::string Gzip(const std::string& text) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, text.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

class ScrapeManagerTest : public ::testing::Test {
 protected:
  ScrapeManagerTest() : io_("test", 2) { io_.Start(); }
  ~ScrapeManagerTest() override {
    manager_.reset();
    io_.Stop();
  }

  ScrapeManager& manager() {
    if (manager_ == nullptr) {
      ScrapeOptions options;
      options.discovery_reload_interval_ms = 1;
      manager_ = std::make_unique<ScrapeManager>(io_, storage, SystemClock(), registry, options);
    }
    return *manager_;
  }
  void Apply(const std::string& jobs) {
    const auto config = config::LoadText(
        "global: {scrape_interval: 50ms, scrape_timeout: 40ms}\nscrape_configs:\n" + jobs,
        dir.path() + "/prometheus.yml");
    ASSERT_TRUE(config.has_value()) << config.error().message();
    ASSERT_TRUE(manager().ApplyConfig(*config));
  }
  static std::string Job(const std::string& name, std::uint16_t port,
                         const std::string& more = "") {
    return fmt::format("- {{job_name: {}, static_configs: [{{targets: ['127.0.0.1:{}']}}]{}{}}}\n",
                       name, port, more.empty() ? "" : ", ", more);
  }
  static model::Labels Series(const std::string& name, const std::string& job, std::uint16_t port) {
    return {{"__name__", name}, {"job", job}, {"instance", fmt::format("127.0.0.1:{}", port)}};
  }
  /// Waits for a sample of the series that begins with `value`.
  bool HasValue(const model::Labels& labels, const std::string& value) {
    return storage.WaitFor([&] {
      return (" " + storage.Samples(labels)).find(" " + value + "@") != std::string::npos;
    });
  }
  /// Waits until the only target of a pool shows an error with this text; a busy machine makes it
  /// show time-outs before. @return the last one shown
  std::string LastError(const std::string& pool, std::string_view text) {
    std::string error;
    storage.WaitFor([&] {
      const auto targets = manager().ActiveTargets(pool);
      if (!targets.empty()) error = targets[0].last_error;
      return error.find(text) != std::string::npos;
    });
    return error;
  }
  void ExpectError(const std::string& pool, std::string_view text) {
    const std::string error = LastError(pool, text);
    EXPECT_NE(error.find(text), std::string::npos) << error;
  }

  testing::TempDir dir;
  RecordingStorage storage;
  metrics::Registry registry;

 private:
  net::IoPool io_;
  std::unique_ptr<ScrapeManager> manager_;
};

/// Answers every request on every connection alike.
std::function<void(net::RawSocket&, int)> Always(std::string answer) {
  return [answer = std::move(answer)](net::RawSocket& socket, int) {
    while (!socket.ReadHead().empty() && socket.Send(answer)) {
    }
  };
}

TEST_F(ScrapeManagerTest, ScrapesAndKeepsTheConnection) {
  std::atomic<int> connections{0};
  Mutex mutex;
  std::string head;
  net::RawServer server([&](net::RawSocket& socket, int) {
    ++connections;
    for (int n = 1;; ++n) {
      std::string request = socket.ReadHead();
      if (request.empty()) return;
      {
        MutexLock lock(mutex);
        head = request;
      }
      if (!socket.Send(Metrics(fmt::format("# TYPE n counter\nn {}\n", n)))) return;
    }
  });
  Apply(Job("j", server.port(), "params: {a: ['x y'], b: [c]}"));
  const auto n = Series("n", "j", server.port());
  EXPECT_TRUE(HasValue(n, "1"));
  EXPECT_TRUE(HasValue(n, "4"));
  EXPECT_TRUE(HasValue(Series("up", "j", server.port()), "1"));
  EXPECT_EQ(connections, 1);
  {
    MutexLock lock(mutex);
    EXPECT_TRUE(head.starts_with("GET /metrics?a=x+y&b=c HTTP/1.1\r\n")) << head;
    for (const char* header : {"\r\nAccept: ", "text/plain;version=0.0.4;q=",
                               "\r\nAccept-Encoding: gzip, zstd;q=0.5\r\n",
                               "\r\nX-Prometheus-Scrape-Timeout-Seconds: 0.04\r\n",
                               "\r\nUser-Agent: Prometheus/3.14.0\r\n"}) {
      EXPECT_NE(head.find(header), std::string::npos) << header << " in " << head;
    }
  }
  const auto targets = manager().ActiveTargets();
  ASSERT_EQ(targets.size(), 1u);
  EXPECT_EQ(targets[0].health, TargetHealth::kUp);
  EXPECT_EQ(targets[0].scrape_url,
            fmt::format("http://127.0.0.1:{}/metrics?a=x+y&b=c", server.port()));
  EXPECT_EQ(targets[0].scrape_interval, "50ms");
  EXPECT_EQ(targets[0].discovered_labels.Get("__param_a"), "x y");
  EXPECT_GT(targets[0].last_scrape_ns, 0);
  std::string type;
  manager().VisitMetadata("n", [&](const model::Labels& labels, const TargetMetadata& metadata) {
    EXPECT_EQ(labels.Get("job"), "j");
    type = model::MetricTypeName(metadata.type);
    return true;
  });
  EXPECT_EQ(type, "counter");
  manager().Stop();
}

TEST_F(ScrapeManagerTest, CompressedAnswers) {
  const struct {
    const char* coding;
    std::string body;
  } cases[] = {{"gzip", Gzip("a 1\nb 2\n")}, {"zstd", Zstd("a 1\nb 2\n")}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.coding);
    net::RawServer server(Always(Response(
        "200 OK", fmt::format("Content-Type: text/plain\r\nContent-Encoding: {}\r\n", c.coding),
        c.body)));
    Apply(Job("j", server.port()));
    EXPECT_TRUE(HasValue(Series("b", "j", server.port()), "2"));
    Apply("  []\n");
  }
  manager().Stop();
}

TEST_F(ScrapeManagerTest, AsksForNoCompressionWhenToldSo) {
  std::promise<std::string> head;
  net::RawServer server([&](net::RawSocket& socket, int n) {
    std::string request = socket.ReadHead();
    socket.Send(Metrics("a 1\n"));
    if (n == 0) head.set_value(std::move(request));
  });
  Apply(Job("j", server.port(), "enable_compression: false"));
  EXPECT_NE(head.get_future().get().find("\r\nAccept-Encoding: identity\r\n"), std::string::npos);
  manager().Stop();
}

TEST_F(ScrapeManagerTest, FailuresSayWhy) {
  const std::string gzip = Gzip(std::string(5000, 'x'));
  const struct {
    const char* name;
    std::string answer;
    const char* more;
    const char* error;
  } cases[] = {
      {"status", Response("404 Not Found", "", "nothing"), "",
       "server returned HTTP status 404 Not Found"},
      {"garbage", Metrics("<html>\n"), "", "expected a valid start token"},
      {"no content type", Response("200 OK", "", "a 1\n"), "", "blank Content-Type"},
      {"truncated gzip",
       Response("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n",
                gzip.substr(0, gzip.size() / 2)),
       "", "unexpected EOF"},
      {"truncated zstd",
       Response("200 OK", "Content-Type: text/plain\r\nContent-Encoding: zstd\r\n",
                Zstd("a 1\nb 2\n").substr(0, 12)),
       "", "unexpected EOF"},
      {"bomb of zstd",
       Response("200 OK", "Content-Type: text/plain\r\nContent-Encoding: zstd\r\n",
                Zstd(std::string(16 << 20, '\n'))),
       "body_size_limit: 1MB", "body size limit exceeded"},
      {"body too large", Metrics("a{x=\"0123456789\"} 1\n"), "body_size_limit: 10B",
       "body size limit exceeded"},
      {"body exactly at the limit", Metrics("abcdefg 1\n"), "body_size_limit: 10B",
       "body size limit exceeded"},
      {"sample limit", Metrics("a 1\nb 1\n"), "sample_limit: 1", "sample limit exceeded"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    net::RawServer server(Always(c.answer));
    Apply(Job("j", server.port(), c.more));
    EXPECT_TRUE(HasValue(Series("up", "j", server.port()), "0"));
    ExpectError("j", c.error);
    Apply("  []\n");
  }
  manager().Stop();
}

TEST_F(ScrapeManagerTest, ConnectionRefused) {
  std::uint16_t port = 0;
  {
    net::RawServer gone(Always(""));
    port = gone.port();
  }
  Apply(Job("j", port));
  EXPECT_TRUE(HasValue(Series("up", "j", port), "0"));
  ExpectError("j", "connect: connection refused");
  manager().Stop();
}

TEST_F(ScrapeManagerTest, SlowAnswersEndAtTheTimeout) {
  net::RawServer server([](net::RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\na 1\n");
    socket.ReadAll();  // Until the client gives up.
  });
  Apply(Job("j", server.port()));
  EXPECT_TRUE(HasValue(Series("up", "j", server.port()), "0"));
  ExpectError("j", "context deadline exceeded");
  EXPECT_EQ(storage.Samples(Series("a", "j", server.port())), "");
  manager().Stop();
}

TEST_F(ScrapeManagerTest, EndlessBodiesEndAtTheLimit) {
  net::RawServer server([](net::RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    while (socket.Send(std::string(4096, 'a') + " 1\n")) {
    }
  });
  Apply(Job("j", server.port(), "body_size_limit: 100KB, scrape_interval: 5s, scrape_timeout: 5s"));
  EXPECT_TRUE(HasValue(Series("up", "j", server.port()), "0"));
  ExpectError("j", "body size limit exceeded");
  manager().Stop();
}

TEST_F(ScrapeManagerTest, RemovedTargetsBecomeStale) {
  net::RawServer server(Always(Metrics("a 1\n")));
  Apply(Job("j", server.port()));
  EXPECT_TRUE(HasValue(Series("a", "j", server.port()), "1"));
  Apply("  []\n");
  EXPECT_TRUE(manager().ScrapePools().empty());
  EXPECT_TRUE(HasValue(Series("a", "j", server.port()), "stale"));
  EXPECT_TRUE(HasValue(Series("up", "j", server.port()), "stale"));
  manager().Stop();
}

TEST_F(ScrapeManagerTest, CountsItsMemory) {
  constexpr std::size_t kSeries = 5'000;  // The stop writes a marker for each.
  std::string body = "# HELP a One help text for all of the many series of this one metric.\n";
  for (std::size_t i = 0; i < kSeries; ++i) body += fmt::format("a{{i=\"{}\"}} 1\n", i);
  net::RawServer server(Always(Metrics(body)));
  Apply(
      "- {job_name: j, scrape_interval: 2s, scrape_timeout: 2s, static_configs: [{targets: "
      "['127.0.0.1:" +
      std::to_string(server.port()) + "']}]}\n");
  const auto held = [&](const std::string& part) {
    for (const auto& [name, bytes] : manager().Memory()) {
      if (name == part) return bytes;
    }
    return std::uint64_t{0};
  };
  EXPECT_TRUE(storage.WaitFor([&] { return held("scrape/metadata") > 0; }));
  // 40 bytes a series, 5 to 6 in the table, and room for a sixteenth more.
  EXPECT_GE(held("scrape/series_caches"), kSeries * 45);
  EXPECT_LE(held("scrape/series_caches"), kSeries * 49);
  EXPECT_GT(held("scrape/metadata"), 100U);
  EXPECT_LT(held("scrape/metadata"), 1'000U);
  EXPECT_GT(held("scrape/targets"), 1'000U);
  EXPECT_GE(held("scrape/buffers"), body.size());
  Apply("  []\n");
  EXPECT_TRUE(storage.WaitFor([&] {
    return held("scrape/series_caches") + held("scrape/metadata") + held("scrape/targets") == 0;
  }));
}

TEST_F(ScrapeManagerTest, StopWritesNoMarkers) {
  net::RawServer server(Always(Metrics("a 1\n")));
  Apply(Job("j", server.port()));
  EXPECT_TRUE(HasValue(Series("a", "j", server.port()), "1"));
  manager().Stop();
  EXPECT_EQ(storage.Samples(Series("a", "j", server.port())).find("stale"), std::string::npos);
}

TEST_F(ScrapeManagerTest, ReloadKeepsWhatDidNotChange) {
  std::atomic<int> connections{0};
  net::RawServer server([&](net::RawSocket& socket, int) {
    ++connections;
    while (!socket.ReadHead().empty() && socket.Send(Metrics("a 1\n"))) {
    }
  });
  Apply(Job("j", server.port()));
  EXPECT_TRUE(HasValue(Series("a", "j", server.port()), "1"));
  Apply(Job("j", server.port()) + "- job_name: other\n");
  EXPECT_EQ(manager().ScrapePools(), (std::vector<std::string>{"j", "other"}));
  const auto before = storage.Samples(Series("a", "j", server.port()));
  EXPECT_TRUE(storage.WaitFor([&] {
    return storage.Samples(Series("a", "j", server.port())).size() > before.size() + 40;
  }));
  EXPECT_EQ(connections, 1);
  EXPECT_EQ(storage.Samples(Series("a", "j", server.port())).find("stale"), std::string::npos);
  manager().Stop();
}

TEST_F(ScrapeManagerTest, ReloadWithAnotherLimitKeepsTheSeries) {
  net::RawServer server([](net::RawSocket& socket, int) {
    while (!socket.ReadHead().empty() && socket.Send(Metrics("a 1\n"))) {
    }
  });
  Apply(Job("j", server.port()));
  EXPECT_TRUE(HasValue(Series("scrape_series_added", "j", server.port()), "1"));
  Apply(Job("j", server.port(), "sample_limit: 5"));
  const auto added = Series("scrape_series_added", "j", server.port());
  const auto before = storage.Samples(added).size();
  EXPECT_TRUE(storage.WaitFor([&] { return storage.Samples(added).size() > before + 60; }));
  // A forgotten cache would have added the series once more.
  EXPECT_EQ(storage.Samples(added).find(" 1@"), std::string::npos);
  manager().Stop();
}

TEST_F(ScrapeManagerTest, TargetLimitFailsAllTargetsWithoutARequest) {
  net::RawServer server(Always(Metrics("a 1\n")));
  Apply(
      fmt::format("- job_name: j\n  target_limit: 1\n  static_configs:\n  - targets: "
                  "['127.0.0.1:{0}', 'localhost:{0}']\n",
                  server.port()));
  EXPECT_TRUE(HasValue(Series("up", "j", server.port()), "0"));
  ExpectError("j", "target_limit exceeded (number of targets: 2, limit: 1)");
  EXPECT_EQ(storage.Samples(Series("a", "j", server.port())), "");
  manager().Stop();
}

TEST_F(ScrapeManagerTest, DroppedTargets) {
  Apply(R"(- job_name: j
  keep_dropped_targets: 2
  relabel_configs: [{source_labels: [__address__], regex: 'drop.*', action: drop}]
  static_configs: [{targets: ['drop1:1', 'drop2:1', 'drop3:1', '127.0.0.1:1']}]
)");
  EXPECT_EQ(manager().ActiveTargets("j").size(), 1u);
  EXPECT_TRUE(manager().ActiveTargets("unknown").empty());
  EXPECT_EQ(manager().DroppedTargets("j").size(), 2u);
  EXPECT_EQ(manager().DroppedCounts(),
            (std::vector<std::pair<std::string, std::int64_t>>{{"j", 3}}));
  manager().Stop();
}

TEST_F(ScrapeManagerTest, FileDiscovery) {
  // Two jobs take turns, so each gets one answer per connection.
  net::RawServer server([](net::RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(Response("200 OK", "Content-Type: text/plain\r\nConnection: close\r\n", "a 1\n"));
  });
  const auto write = [&](const std::string& text) {
    std::ofstream(dir.path() + "/t.tmp") << text;
    std::filesystem::rename(dir.path() + "/t.tmp", dir.path() + "/targets.json");
  };
  const auto count = [&] { return manager().ActiveTargets("j").size(); };
  write(fmt::format(R"([{{"targets": ["127.0.0.1:{}"], "labels": {{"x": "y"}}}}])", server.port()));
  Apply(
      "- {job_name: j, file_sd_configs: [{files: ['targets*.json']}]}\n"
      "- {job_name: k, file_sd_configs: [{files: ['targets*.json']}]}\n");
  ASSERT_EQ(count(), 1u);
  EXPECT_EQ(manager().ActiveTargets("k").size(), 1u);
  auto labels = Series("a", "j", server.port());
  labels = model::LabelsBuilder(labels).Set("x", "y").Build();
  EXPECT_TRUE(HasValue(labels, "1"));
  EXPECT_EQ(manager().ActiveTargets("j")[0].discovered_labels.Get("__meta_filepath"),
            dir.path() + "/targets.json");
  write(fmt::format(R"([{{"targets": ["127.0.0.1:{}", "localhost:1"]}}])", server.port()));
  EXPECT_TRUE(storage.WaitFor([&] { return count() == 2; }));
  write("[{");  // Unreadable: what was found last stays.
  const auto& errors = registry.AddCounter("prometheus_sd_file_read_errors_total", "");
  EXPECT_TRUE(storage.WaitFor([&] { return errors.value() > 0; }));
  EXPECT_EQ(count(), 2u);
  write("[]");
  EXPECT_TRUE(storage.WaitFor([&] { return count() == 0; }));
  manager().Stop();
}

}  // namespace
}  // namespace narthex::scrape
