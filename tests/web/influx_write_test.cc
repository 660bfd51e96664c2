// SPDX-License-Identifier: Apache-2.0
//
// Expected statuses and texts: InfluxDB 1.6, and 2.x as documented; names: VictoriaMetrics.
#include "tests/web/gzip_text.h"
#include "tests/web/remote_fixture.h"

namespace narthex::web {
namespace {

class InfluxWriteTest : public RemoteApiTest {
 protected:
  InfluxWriteTest() { server_.options.enable_influx_receiver = true; }

  Answer Lines(const std::string& body, const std::string& query = "",
               const std::string& path = "/write", const std::string& encoding = "") {
    net::ServerRequest request;
    request.method = "POST";
    request.path = path;
    request.raw_query = query;
    request.body = body;
    if (!encoding.empty()) request.headers.emplace_back("Content-Encoding", encoding);
    Answer answer;
    server_.router().Dispatch(request, answer);
    return answer;
  }
  std::string Dropped(const std::string& reason) {
    const std::string name = "narthex_influx_dropped_samples_total{reason=\"" + reason + "\"} ";
    const std::string text = server_.MetricsText();
    const std::size_t at = text.find(name) + name.size();
    return text.substr(at, text.find('\n', at) - at);
  }
};

TEST_F(InfluxWriteTest, IsSwitchedOffByDefault) {
  server_.options.enable_influx_receiver = false;
  EXPECT_EQ(404, Lines("a v=1").status);
  EXPECT_EQ(404, server_.Get("/ping").status);
}

TEST_F(InfluxWriteTest, NamesSeriesAsVictoriaMetrics) {
  const Answer answer = Lines(
      "cpu,host=a value=1,x=2i,y=t\n"
      "m\\ n,db=mine f.g=3 1700000000001000000\n"
      "cpu,host=a text=\"4\"\n",
      "db=d1");
  EXPECT_EQ(204, answer.status);
  EXPECT_EQ("", answer.body);
  EXPECT_EQ(
      "{__name__=\"cpu_value\", db=\"d1\", host=\"a\"} 0:1\n"
      "{__name__=\"cpu_x\", db=\"d1\", host=\"a\"} 0:2\n"
      "{__name__=\"cpu_y\", db=\"d1\", host=\"a\"} 0:1\n"
      "{__name__=\"m n_f.g\", db=\"mine\"} 1:3\n",
      Stored());
  EXPECT_EQ("1", Dropped("string"));
}

TEST_F(InfluxWriteTest, TakesBothVersions) {
  EXPECT_EQ(204, Lines("a v=1").status);
  EXPECT_EQ(204, Lines("a v=2", "org=o&bucket=b%2Fc", "/api/v2/write").status);
  EXPECT_EQ(400, Lines("a v=3", "db=%ff").status);
  EXPECT_EQ("{__name__=\"a_v\"} 0:1\n{__name__=\"a_v\", db=\"b/c\"} 0:2\n", Stored());
}

TEST_F(InfluxWriteTest, KnowsPrecisions) {
  const struct {
    const char* query;
    const char* time;
    const char* path;
  } cases[] = {
      {"", "1700000000005999999", "/write"},
      {"precision=n", "1700000000005000000", "/write"},
      {"precision=ns", "1700000000005000000", "/api/v2/write"},
      {"precision=u", "1700000000005000", "/write"},
      {"precision=us", "1700000000005000", "/api/v2/write"},
      {"precision=ms", "1700000000005", "/api/v2/write"},
      {"precision=s", "1700000000", "/write"},
      {"precision=m", "28333333", "/write"},
      {"precision=h", "472222", "/write"},
  };
  int i = 0;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    EXPECT_EQ(204, Lines("a" + std::to_string(i++) + " v=1 " + c.time, c.query, c.path).status);
  }
  EXPECT_EQ(
      "{__name__=\"a0_v\"} 5:1\n{__name__=\"a1_v\"} 5:1\n{__name__=\"a2_v\"} 5:1\n"
      "{__name__=\"a3_v\"} 5:1\n{__name__=\"a4_v\"} 5:1\n{__name__=\"a5_v\"} 5:1\n"
      "{__name__=\"a6_v\"} 0:1\n{__name__=\"a7_v\"} -20000:1\n{__name__=\"a8_v\"} -800000:1\n",
      Stored());
  Answer answer = Lines("a v=1", "precision=q");
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ("{\"error\":\"invalid precision \\\"q\\\" (use n, u, ms, s, m or h)\"}\n", answer.body);
  answer = Lines("a v=1", "precision=m", "/api/v2/write");
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ(
      "{\"code\":\"invalid\",\"message\":\"invalid precision \\\"m\\\" (use ns, us, ms or s)\"}\n",
      answer.body);
}

TEST_F(InfluxWriteTest, KeepsGoodLinesOfABadBody) {
  Answer answer = Lines("good v=1\nbad\ngood w=2\ncpu v=x\n");
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ(
      "{\"error\":\"partial write: unable to parse 'bad': missing fields (line 2)\\n"
      "unable to parse 'cpu v=x': invalid boolean (line 4) dropped=0\"}\n",
      answer.body);
  EXPECT_EQ(
      "partial write: unable to parse 'bad': missing fields (line 2) unable to parse 'cpu v=x': "
      "invalid boolean (line 4) dropped=0",
      answer.headers.at("X-Influxdb-Error"));
  EXPECT_EQ("{__name__=\"good_v\"} 0:1\n{__name__=\"good_w\"} 0:2\n", Stored());
  answer = Lines("bad", "", "/api/v2/write");
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ(
      "{\"code\":\"invalid\",\"line\":1,\"message\":\"unable to parse 'bad': missing fields (line "
      "1)\"}\n",
      answer.body);
  // A bad series is bad each time, also when its fields are new.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(400, Lines("cpu,a=b,a=c v=1,w=2").status);
  EXPECT_NE(std::string::npos,
            server_.MetricsText().find("narthex_influx_invalid_lines_total 5\n"));
}

TEST_F(InfluxWriteTest, CountsWhatStorageRefuses) {
  EXPECT_EQ(204, Lines("a v=1 1700000000000000000").status);
  const Answer answer = Lines(
      "a v=2 1700000000000000000\na v=3 1699999999000000000\na v=4 1700000600001000000\n"
      "a v=5 1700000600000000000\na v=1 -9223372036854775807\n");
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ(
      "{\"error\":\"partial write: 2 values dropped: out_of_order\\n1 values dropped: "
      "duplicate\\n1 values dropped: future dropped=4\"}\n",
      answer.body);
  EXPECT_EQ("{__name__=\"a_v\"} 0:1 600000:5\n", Stored());
  EXPECT_EQ("2", Dropped("out_of_order"));
  EXPECT_EQ("1", Dropped("future"));
  EXPECT_EQ(400, Lines("a v=1 9223372036854775807", "precision=s").status);
}

TEST_F(InfluxWriteTest, HasALimitOfSeries) {
  server_.options.influx_max_series = 2;
  EXPECT_EQ(204, Lines("a v=1,w=1 1700000000000000000").status);
  Answer answer = Lines("a v=2,w=2 1700000001000000000\na x=1\n");
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ("1", Dropped("series_limit"));
  EXPECT_EQ("{__name__=\"a_v\"} 0:1 1000:2\n{__name__=\"a_w\"} 0:1 1000:2\n", Stored());
  // Those that nobody writes to make room, after an hour or two.
  server_.clock.AdvanceMs(3'600'000);
  EXPECT_EQ(204, Lines("a v=3").status);
  EXPECT_EQ(400, Lines("a x=1").status);
  server_.clock.AdvanceMs(3'600'000);
  EXPECT_EQ(204, Lines("a x=1").status);
}

TEST_F(InfluxWriteTest, ReadsCompressedBodies) {
  EXPECT_EQ(204, Lines(Gzip("a v=1"), "", "/write", "gzip").status);
  EXPECT_EQ(204, Lines(Gzip("a w=2"), "", "/api/v2/write", "GZIP").status);
  EXPECT_EQ("{__name__=\"a_v\"} 0:1\n{__name__=\"a_w\"} 0:2\n", Stored());
  Answer answer = Lines("a v=1 and no gzip at all", "", "/write", "gzip");
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ("{\"error\":\"gzip: invalid header\"}\n", answer.body);
  answer = Lines(Gzip(std::string(65 << 20, '#')), "", "/write", "gzip");
  EXPECT_EQ(413, answer.status);
  EXPECT_EQ("{\"error\":\"Request Entity Too Large\"}\n", answer.body);
}

TEST_F(InfluxWriteTest, RefusesLongTexts) {
  const std::string most(4096, 'a'), more(4097, 'a');
  EXPECT_EQ(204, Lines(most + "," + most + "=" + most + " " + most + "=1").status);
  for (const std::string& line :
       {more + " v=1", "m," + more + "=a v=1", "m,a=" + more + " v=1", "m " + more + "=1"}) {
    for (int i = 0; i < 2; ++i) {
      const Answer answer = Lines(line);
      EXPECT_EQ(400, answer.status);
      EXPECT_NE(std::string::npos, answer.body.find("longer than 4096 bytes (line 1)"));
    }
  }
}

TEST_F(InfluxWriteTest, SaysThatItIsThere) {
  Answer answer = server_.Get("/ping");
  EXPECT_EQ(204, answer.status);
  EXPECT_EQ("1.8.10", answer.headers.at("X-Influxdb-Version"));
  answer = server_.Get("/ping?verbose=true");
  EXPECT_EQ(200, answer.status);
  EXPECT_EQ("{\"version\":\"1.8.10\"}", answer.body);
  answer = server_.Get("/health");
  EXPECT_EQ(200, answer.status);
  EXPECT_NE(std::string::npos, answer.body.find("\"status\":\"pass\""));
  server_.status.state = ServerState::kStarting;
  EXPECT_EQ(503, server_.Get("/ping").status);
  EXPECT_EQ(503, Lines("a v=1").status);
}

}  // namespace
}  // namespace narthex::web
