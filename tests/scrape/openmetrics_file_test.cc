// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/scrape/openmetrics.h"
#include "tests/support/temp_dir.h"

namespace narthex::scrape {
namespace {

class OpenMetricsFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<OpenMetricsFile> Open(const std::string& text) {
    std::ofstream(path_) << text;
    return OpenMetricsFile::Open(path_).value();
  }
  // The samples as text, then why reading ended.
  std::string ReadAll(OpenMetricsFile& file) {
    std::string out;
    for (;;) {
      const auto more = file.Next();
      if (!more) return out + more.error().message();
      if (!*more) return out;
      out += fmt::format("{} {} {}\n", file.ReadLabels().value().ToString(), file.value(),
                         file.has_timestamp() ? std::to_string(file.timestamp()) : "none");
    }
  }
  const testing::TempDir dir_;
  const std::string path_ = dir_.path() + "/in.om";
};

TEST_F(OpenMetricsFileTest, GivesSamplesAsOftenAsWanted) {
  const auto file = Open(
      "# TYPE a counter\n# HELP a text\na_total{x=\"1\"} 1 1.5\na_total{x=\"1\"} 2 2.5\nb 3\n"
      "# EOF\n");
  const std::string want =
      "{__name__=\"a_total\", x=\"1\"} 1 1500\n{__name__=\"a_total\", x=\"1\"} 2 2500\n"
      "{__name__=\"b\"} 3 none\n";
  EXPECT_EQ(ReadAll(*file), want);
  file->Rewind();
  EXPECT_EQ(ReadAll(*file), want);
}

TEST_F(OpenMetricsFileTest, ErrorsNameFileAndLine) {
  const struct {
    const char* text;
    const char* reason;
    int line;
  } cases[] = {
      {"", "data does not end with # EOF", 1},
      {"a 1\n", "data does not end with # EOF", 2},
      {"a 1\nb{ 2\n# EOF\n", "expected label name, got \" \" (\"INVALID\") while parsing: \"b{ \"",
       2},
      {"# EOF\na 1\n", "unexpected data after # EOF", 1},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const std::string read = ReadAll(*Open(c.text));
    EXPECT_TRUE(read.ends_with(fmt::format("{} ({}, line {})", c.reason, path_, c.line))) << read;
  }
  const auto twice = Open("a{x=\"1\",x=\"2\"} 1\n# EOF\n");
  ASSERT_TRUE(*twice->Next());
  EXPECT_EQ(twice->ReadLabels().error().message(),
            fmt::format("label name \"x\" is not unique: invalid sample ({}, line 1)", path_));
}

// Scanning may look behind the end of the text, also where that is the end of a page.
TEST_F(OpenMetricsFileTest, AFileMayEndWithItsPage) {
  for (const std::size_t size : {4096, 4095, 4097, 8192}) {
    std::string text = "# HELP a ";
    const std::string rest = "\na 1 1\n# EOF\n";
    text.append(size - text.size() - rest.size(), 'x');
    EXPECT_EQ(ReadAll(*Open(text + rest)), "{__name__=\"a\"} 1 1000\n");
  }
}

TEST_F(OpenMetricsFileTest, AMissingFileIsNamed) {
  EXPECT_EQ(OpenMetricsFile::Open(path_).error().message(),
            fmt::format("open {}: no such file or directory", path_));
}

}  // namespace
}  // namespace narthex::scrape
