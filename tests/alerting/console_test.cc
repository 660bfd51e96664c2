// SPDX-License-Identifier: Apache-2.0
#include "narthex/alerting/console.h"

#include <string>
#include <utility>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "narthex/base/metrics.h"
#include "narthex/promql/engine.h"
#include "tests/alerting/console_cases.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_storage.h"

namespace narthex::alerting {
namespace {

class ConsoleTest : public ::testing::Test {
 protected:
  ConsolePage Page(const std::string& name, std::string text) const {
    ConsolePage page;
    page.path = "/" + name;
    page.text = std::move(text);
    page.libraries = {{"a.lib", kFirstLibrary}, {"b.lib", kSecondLibrary}};
    page.parameters = {{"q", {"a b", "<c>"}}, {"z", {""}}};
    page.external_labels = {{"dc", "eu<1>"}, {"replica", "a\"b"}};
    page.external_url = "http://ex.org:9/pre";
    return page;
  }

  /// The page or why there is none.
  std::string Show(const ConsolePage& page) {
    const auto html = ExpandConsole(page, engine_, storage_, clock_);
    return html ? *html : html.error().message();
  }
  std::string Show(const std::string& text) { return Show(Page("p", text)); }

  testing::FakeClock clock_;
  testing::MemoryStorage storage_;
  metrics::Registry registry_;
  promql::Engine engine_{promql::EngineOptions{}, nullptr, clock_, registry_};
};

TEST_F(ConsoleTest, EscapesByPlace) {
  for (const ConsoleCase& c : kEscapingCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Show(Page(c.name, std::string(kHostileValue) + c.text)), c.want);
  }
}

TEST_F(ConsoleTest, PagesAndErrors) {
  for (const ConsoleCase& c : kPageCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Show(Page(c.name, c.text)), c.want);
  }
}

TEST_F(ConsoleTest, WithNothingToAsk) {
  const auto show = [&](const std::string& text) {
    const auto html = ExpandConsole(Page("p", text), model::DurationMs{1000}, clock_);
    return html ? *html : html.error().message();
  };
  EXPECT_EQ(show("{{ $path }} {{ len $rawParams }}"), "p 2");
  EXPECT_TRUE(show("{{ query \"up\" }}").ends_with("there is nothing here that can be queried"))
      << show("{{ query \"up\" }}");
}

TEST_F(ConsoleTest, EveryPrefixOfEveryCaseIsSafe) {
  for (const ConsoleCase& c : kPageCases) {
    const std::string text = c.text;
    for (std::size_t size = 0; size < text.size(); ++size) (void)Show(text.substr(0, size));
  }
}

// By the call of tmpl, A is escaped for text already; in the attribute it must be escaped anew.
TEST_F(ConsoleTest, EscapesWhatWasEscapedForAnotherPlace) {
  EXPECT_EQ(
      Show(
          std::string(kHostileValue) +
          R"~({{ define "A" }}{{ . }}{{ end }}{{ define "B" }}<a onclick="f({{ template "A" . }})">)~"
          R"~(x</a>{{ end }}{{ template "A" "y" }}{{ tmpl "B" $v }})~"),
      R"~(y<a onclick="f(&#34;\u003cb a=&#39;1&#39;\u003e\u0026\&#34;&#43;/x y\\`${z}\u003c/b\u003e)~"
      R"~(&#34;)">x</a>)~");
}

TEST_F(ConsoleTest, CopiesOfTemplatesHaveNoNames) {
  const std::string page =
      R"~({{ define "A" }}{{ . }}{{ end }}<script>{{ template "A" 1 }}</script>)~";
  const std::string copy = R"~("A$htmltemplate_stateJS_elementScript")~";
  const std::string by_tmpl = Show(page + "{{ tmpl " + copy + R"~( "<b>" }})~");
  EXPECT_TRUE(by_tmpl.ends_with("html/template: " + copy + " is undefined")) << by_tmpl;
  const std::string by_template = Show(page + "{{ template " + copy + R"~( "<b>" }})~");
  EXPECT_TRUE(by_template.ends_with("no such template " + copy)) << by_template;
}

TEST_F(ConsoleTest, ParametersCanNotBeChanged) {
  for (const char* call : {R"(Set "a" "b")", R"(Add "a" "b")", R"(Del "q")"}) {
    const std::string page = Show("{{ .RawParams." + std::string(call) + " }}");
    EXPECT_TRUE(
        page.ends_with(fmt::format("at <.RawParams.{0}>: function {0} has 0 return values; "
                                   "should be 1 or 2",
                                   std::string_view(call).substr(0, 3))))
        << page;
  }
  EXPECT_NE(Show(R"({{ .RawParams.Set "a" }})").find("wrong number of args for Set: want 2 got 1"),
            std::string::npos);
}

TEST_F(ConsoleTest, LaterLibrariesReplaceTemplatesButNotByNothing) {
  ConsolePage page = Page("p", R"({{ template "T" }})");
  page.libraries = {{"1.lib", R"({{ define "T" }}first{{ end }})"},
                    {"2.lib", R"({{ define "T" }}second{{ end }})"},
                    {"3.lib", R"({{ define "T" }}  {{ end }})"}};
  EXPECT_EQ(Show(page), "second");
}

TEST_F(ConsoleTest, ErrorOfLibraryNamesItsFile) {
  ConsolePage page = Page("p", "x");
  page.libraries = {{"bad.lib", "\n{{ if }}"}};
  EXPECT_EQ(Show(page),
            "error parsing template files for __console_/p: template: bad.lib:2: missing value "
            "for if");
}

TEST_F(ConsoleTest, QueriesSeeTheStorage) {
  const auto appender = storage_.NewAppender();
  storage::SeriesRef ref{0};
  ASSERT_EQ(appender->Append(ref, {{"__name__", "m"}, {"job", "<j>"}}, clock_.NowMs(), 2.5),
            storage::AppendError::kNone);
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(Show(R"(<p title="{{ range query "m" }}{{ .Labels.job }}={{ .Value }}{{ end }}">)"),
            R"(<p title="&lt;j&gt;=2.5">)");
}

/// Moves on by a second each time that it is looked at.
class TickingClock final : public Clock {
 public:
  std::int64_t NowMs() const override { return 0; }
  std::int64_t NowNs() const override { return 0; }
  std::int64_t MonotonicNs() const override { return seconds_++ * 1'000'000'000; }

 private:
  mutable std::atomic<std::int64_t> seconds_{0};
};

TEST_F(ConsoleTest, AllOfAPageSharesItsDeadline) {
  for (const char* text :
       {R"~({{ range 1000 }}{{ range query "vector(1)" }}{{ end }}{{ end }})~",
        "{{ range 1000 }}x{{ end }}", "{{ range 1000 }}{{ print . }}{{ end }}"}) {
    SCOPED_TRACE(text);
    TickingClock ticking;  // The default timeout is two minutes.
    const auto html = ExpandConsole(Page("p", text), engine_, storage_, ticking);
    ASSERT_FALSE(html);
    EXPECT_NE(html.error().message().find("timed out"), std::string::npos)
        << html.error().message();
  }
}

TEST_F(ConsoleTest, StopEndsThePage) {
  std::stop_source source;
  source.request_stop();
  for (const char* text :
       {R"~({{ query "vector(1)" }})~", "{{ range 2 }}x{{ end }}", R"({{ print "x" }})",
        R"({{ define "T" }}{{ end }}{{ template "T" }})"}) {
    SCOPED_TRACE(text);
    ConsolePage page = Page("p", text);
    page.stop = source.get_token();
    EXPECT_TRUE(Show(page).ends_with(": page was canceled")) << Show(page);
  }
}

// Each of these would take all of the stack or time.
TEST_F(ConsoleTest, EndlessTemplatesEnd) {
  for (const char* text : {
           R"({{ define "R" }}{{ tmpl "R" . }}{{ end }}{{ tmpl "R" . }})",
           R"({{ define "R" }}<p title="{{ tmpl "R" . }}">{{ end }}{{ template "R" . }})",
           R"({{ define "R" }}{{ template "R" . }}{{ end }}<p a={{ template "R" . }}>)",
           R"({{ define "R" }}{{ template "R" . }}<p a={{ end }}{{ template "R" . }})",
           R"({{ define "R" }}{{ range 9 }}{{ tmpl "R" . }}{{ end }}{{ end }}{{ tmpl "R" . }})",
       }) {
    SCOPED_TRACE(text);
    EXPECT_NE(Show(text).find("error executing template"), std::string::npos);
  }
  std::string ranges;
  for (int i = 0; i < 60; ++i) ranges += "{{ range 1 }}";
  ranges += "x";
  for (int i = 0; i < 60; ++i) ranges += "{{ end }}";
  EXPECT_NE(Show(ranges).find("too complex"), std::string::npos);
}

std::string Repeat(int times, std::string_view text) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// Parentheses between the calls: each takes as much room on the stack as a block.
TEST_F(ConsoleTest, EndlessCallsInParenthesesEnd) {
  const std::string page = Show(R"({{ define "R" }}{{ )" + Repeat(190, "(") + R"(tmpl "R" .)" +
                                Repeat(190, ")") + R"( }}{{ end }}{{ tmpl "R" . }})");
  EXPECT_NE(page.find("exceeded maximum nesting of blocks (500)"), std::string::npos) << page;
  EXPECT_EQ(Show("{{ " + Repeat(190, "(") + "1" + Repeat(190, ")") + " }}"), "1");
}

TEST_F(ConsoleTest, CallsOfTmplCountAsCalls) {
  const std::string page = Show(R"({{ define "R" }}{{ tmpl "R" . }}{{ end }}{{ tmpl "R" . }})");
  EXPECT_NE(page.find("exceeded maximum template depth (200)"), std::string::npos) << page;
  EXPECT_EQ(Show(R"({{ define "A" }}x{{ end }}{{ range 300 }}{{ tmpl "A" . }}{{ end }})"),
            std::string(300, 'x'))
      << "those behind each other do not";
}

// Each call begins in another context, so that no copy is ever known.
TEST_F(ConsoleTest, EscapingOfEndlessCallsEnds) {
  const std::string endless =
      Show(R"~({{ define "R" }}`${ {{ template "R" . }}{{ end }}<script>{{ template "R" . }})~");
  EXPECT_NE(endless.find("too complex"), std::string::npos) << endless;
}

TEST_F(ConsoleTest, EscapingOfBlocksAndCallsWithinEachOtherEnds) {
  const std::string blocks = Repeat(150, "{{ if . }}");
  const std::string ends = Repeat(150, "{{ end }}");
  const std::string page = R"({{ define "A" }})" + blocks + "x" + ends + R"({{ end }})" +
                           R"({{ define "B" }})" + blocks + R"({{ template "A" . }})" + ends +
                           R"({{ end }})";
  const std::string both = Show(page + R"({{ template "B" 1 }})");
  EXPECT_NE(both.find("too complex"), std::string::npos) << both;
  EXPECT_EQ(Show(page + R"({{ template "A" 1 }})"), "x");
}

TEST_F(ConsoleTest, EscapingOfLongTextsInRangesEnds) {
  const std::string text = Repeat(10, "{{ range 1 }}") + std::string(1 << 20, 'x');
  const std::string page = Show(text + Repeat(10, "{{ end }}"));
  EXPECT_NE(page.find("too complex"), std::string::npos);
}

TEST_F(ConsoleTest, NestedTemplatesOfJavaScriptHaveALimit) {
  EXPECT_EQ(Show("<script>" + Repeat(200, "`${") + Repeat(200, "}`") + "</script>x").back(), 'x');
  const std::string page = Show("<script>" + Repeat(100'000, "`${") + "</script>");
  EXPECT_NE(page.find("JS templates are too deeply nested"), std::string::npos) << page;
}

}  // namespace
}  // namespace narthex::alerting
