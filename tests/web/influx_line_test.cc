// SPDX-License-Identifier: Apache-2.0
//
// Expected errors: InfluxDB 1.6.
#include <gtest/gtest.h>

#include "narthex/base/go_format.h"
#include "web/influx/line_reader.h"

namespace narthex::web {
namespace {

/// "line measurement{tag=value,…} key:value,… @time", or "line ! error", a line for each.
std::string Walk(std::string_view body, InfluxLimits limits = {}) {
  std::string out;
  InfluxLineReader reader(body, limits);
  while (reader.Next()) {
    InfluxSeries series;
    out += std::to_string(reader.line_number());
    if (!reader.error().empty() || !reader.ReadSeries(series)) {
      out += " ! " + reader.error() + "\n";
      continue;
    }
    out += " " + std::string(series.measurement) + "{";
    for (const auto& [name, value] : series.tags) {
      out.append(name).append("=").append(value).append(",");
    }
    out += "}";
    for (const auto& field : reader.fields()) {
      out.append(" ").append(field.key).append(":");
      out += field.is_string ? "string" : go::FormatFloatG(field.value);
    }
    if (reader.timestamp()) out += " @" + std::to_string(*reader.timestamp());
    out += "\n";
  }
  return out;
}

TEST(InfluxLineTest, ReadsLines) {
  const struct {
    const char* body;
    const char* found;
  } cases[] = {
      {"cpu value=1", "1 cpu{} value:1\n"},
      {"cpu,b=2,a=1 v=-1.5e3,i=12i,u=18446744073709551615u 1700000000000000000\n",
       "1 cpu{a=1,b=2,} v:-1500 i:12 u:1.8446744073709552e+19 @1700000000000000000\n"},
      {"cpu a=t,b=T,c=true,d=TRUE,e=f,g=False", "1 cpu{} a:1 b:1 c:1 d:1 e:0 g:0\n"},
      {"\n# comment\n  cpu v=.5  -7 \r\n\n", "3 cpu{} v:0.5 @-7\n"},
      {"a\\ b\\,c,t\\ 1=x\\=y k\\=e\\ y=1", "1 a b,c{t 1=x=y,} k=e y:1\n"},
      {"a\\\\b,t=c\\d f=1", "1 a\\b{t=c\\d,} f:1\n"},
      {"cpu s=\"a, b=c \\\" d\",v=2 5", "1 cpu{} s:string v:2 @5\n"},
      {"cpu s=\"two\nlines\" 5\ncpu v=1", "1 cpu{} s:string @5\n3 cpu{} v:1\n"},
      {"cpu,q=\"x v=1", "1 cpu{q=\"x,} v:1\n"},
      {"m\xc3\xa9,t=\xe2\x86\x92 f=1", "1 m\xc3\xa9{t=\xe2\x86\x92,} f:1\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_EQ(c.found, Walk(c.body));
  }
}

TEST(InfluxLineTest, RefusesLinesAndGoesOn) {
  const struct {
    const char* line;
    const char* error;
  } cases[] = {
      {"cpu", "missing fields"},
      {"cpu ", "invalid field format"},
      {"cpu value", "invalid field format"},
      {"cpu value=", "missing field value"},
      {"cpu =1", "missing field key"},
      {"cpu v=1,", "invalid field format"},
      {"cpu v=1, w=2", "invalid field format"},
      {",a=b v=1", "missing measurement"},
      {"cpu,a v=1", "missing tag value"},
      {"cpu,a= v=1", "missing tag value"},
      {"cpu,=b v=1", "missing tag key"},
      {"cpu,a=b,a=c v=1", "duplicate tags"},
      {"cpu,__name__=b v=1", "invalid tag key: __name__"},
      {"cpu v=abc", "invalid boolean"},
      {"cpu v=+5", "invalid boolean"},
      {"cpu v=1x", "invalid number"},
      {"cpu v=1i2", "invalid number"},
      {"cpu v=1.5i", "invalid number"},
      {"cpu v=9999999999999999999i", "invalid number"},
      {"cpu v=-1u", "invalid number"},
      {"cpu v=NaN", "invalid number"},
      {"cpu v=inf", "invalid number"},
      {"cpu v=1e400", "invalid number"},
      {"cpu v=\"x\"y", "invalid field format"},
      {"cpu v=1 abc", "bad timestamp"},
      {"cpu v=1 12 13", "bad timestamp"},
      {"cpu v=1 1.5", "bad timestamp"},
      {"cpu v=1 99999999999999999999", "bad timestamp"},
      {"c\xff v=1", "invalid measurement: not UTF-8"},
      {"c,t=\xff v=1", "invalid tag: not UTF-8"},
      {"c v\xff=1", "invalid field key: not UTF-8"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.line);
    EXPECT_EQ(std::string("1 ! ") + c.error + "\n2 ok{} v:1\n",
              Walk(std::string(c.line) + "\nok v=1"));
  }
}

TEST(InfluxLineTest, LosesOneLineToAnOpenQuote) {
  EXPECT_EQ("1 ! unbalanced quotes\n2 ok{} v:1\n", Walk("cpu v=\"\\\"abc\nok v=1"));
  // With another quote behind it, it is a string of several lines that is followed by nonsense.
  EXPECT_EQ("1 ! invalid field format\n4 ok{} v:2\n",
            Walk("cpu v=\"abc\nok v=1\ncpu v=\"x\"\nok v=2"));
}

TEST(InfluxLineTest, HasLimits) {
  const InfluxLimits limits{.max_line_bytes = 20, .max_tags = 2};
  EXPECT_EQ("1 ! line too long\n2 c{a=1,b=2,} v:1\n3 ! too many tags\n",
            Walk("measurement long=1234567890\nc,a=1,b=2 v=1\nc,a=1,b=2,c=3 v=1", limits));
}

}  // namespace
}  // namespace narthex::web
