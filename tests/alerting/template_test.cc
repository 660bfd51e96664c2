// SPDX-License-Identifier: Apache-2.0
//
// Templates as annotations of an alert, with what Prometheus 3.5.3 made of them.

#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "alerting/template/expand.h"
#include "alerting/template/go_time.h"
#include "alerting/template/humanize.h"
#include "alerting/template/value.h"
#include "tests/alerting/template_cases.h"

namespace narthex::alerting {
namespace {

// clang-format off
constexpr Case kCases[] = {
    {R"~(plain text)~",
     R"~(plain text)~"},
    {R"~({{ $value }})~",
     R"~(12.34567)~"},
    {R"~({{ .Value }})~",
     R"~(12.34567)~"},
    {R"~({{ $labels.job }} and {{ .Labels.instance }})~",
     R"~(j and host:80)~"},
    {R"~({{ $labels.missing }}|)~",
     R"~(|)~"},
    {R"~({{ .Labels }})~",
     R"~(map[instance:host:80 job:j])~"},
    {R"~({{ .ExternalLabels }} {{ $externalLabels.dc }})~",
     R"~(map[dc:eu] eu)~"},
    {R"~({{ .ExternalURL }} {{ externalURL }} {{ pathPrefix }})~",
     R"~(http://ex.org:9/pre http://ex.org:9/pre /pre)~"},
    {R"~({{- "  trim" -}}  x  {{- " y" }})~",
     R"~(  trimx y)~"},
    {R"~({{/* comment */}}a{{- /* c */ -}} b)~",
     R"~(ab)~"},
    {R"~({{ if gt $value 5.0 }}big{{ else }}small{{ end }})~",
     R"~(big)~"},
    {R"~({{ if gt $value 5 }}big{{ end }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:118: executing "__alert_A" at <gt $value 5>: error calling gt: incompatible types for comparison: float64 and int>)~"},
    {R"~({{ if and true (eq $labels.job "j") }}A{{ else if eq 1 1 }}B{{ else }}C{{ end }})~",
     R"~(A)~"},
    {R"~({{ with $labels.job }}{{ . }}{{ $ }}{{ end }})~",
     R"~(j{map[instance:host:80 job:j] map[dc:eu] http://ex.org:9/pre 12.34567})~"},
    {R"~({{ with $labels.nojob }}x{{ else with $labels.job }}w{{ . }}{{ else }}none{{ end }})~",
     R"~(wj)~"},
    {R"~({{ range $i, $e := query "tpl" }}{{ $i }}={{ $e.Labels.n }}:{{ $e.Value }};{{ end }})~",
     R"~(0=a:1;1=b:2.5;2=c:1.234567e+06;)~"},
    {R"~({{ range query "tpl" }}{{ .Labels.n }}{{ break }}{{ end }})~",
     R"~(a)~"},
    {R"~({{ range query "tpl" }}{{ if eq .Labels.n "b" }}{{ continue }}{{ end }}{{ .Labels.n }},{{ end }})~",
     R"~(a,c,)~"},
    {R"~({{ range query "nothing" }}x{{ else }}empty{{ end }})~",
     R"~(empty)~"},
    {R"~({{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }})~",
     R"~(instance=host:80;job=j;)~"},
    {R"~({{ range $labels }}{{ . }};{{ end }})~",
     R"~(host:80;j;)~"},
    {R"~({{ query "tpl" | first | value }})~",
     R"~(1)~"},
    {R"~({{ query "tpl" | first | label "n" }})~",
     R"~(a)~"},
    {R"~({{ query "nothing" | first | value }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:133: executing "__alert_A" at <first>: error calling first: first() called on vector with no elements>)~"},
    {R"~({{ query "tpl{n=\"a\"}" | first | value | humanize }})~",
     R"~(1)~"},
    {R"~({{ query "sum(" }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <query "sum(">: error calling query: 1:5: parse error: unclosed left parenthesis>)~"},
    {R"~({{ range sortByLabel "n" (query "tpl") }}{{ label "n" . }}{{ end }})~",
     R"~(abc)~"},
    {R"~({{ query "label_replace(tpl, \"__value__\", \"$1\", \"n\", \"(.*)\")" | first | strvalue }})~",
     R"~(a)~"},
    {R"~({{ len (query "tpl") }} {{ len "abc" }} {{ len $labels }})~",
     R"~(3 3 2)~"},
    {R"~({{ index $labels "job" }} {{ index (query "tpl") 1 | value }})~",
     R"~(j 2.5)~"},
    {R"~({{ slice "abcdef" 1 3 }} {{ slice "abcdef" 2 }})~",
     R"~(bc cdef)~"},
    {R"~({{ print 1 2 "a" "b" 3 }}|{{ println "x" }}|{{ print 1.5 true nil }})~",
     R"~(1 2ab3|x
|1.5 true <nil>)~"},
    {R"~({{ printf "%.2f %s %d %v %q %5.1f|%-5s|%05d %x %t %%" $value "s" 7 1.5 "q" 2.25 "ab" 42 255 true }})~",
     R"~(12.35 s 7 1.5 "q"   2.2|ab   |00042 ff true %)~"},
    {R"~({{ printf "%d" $value }} {{ printf "%s" 5 }} {{ printf "%d %d" 1 }} {{ printf "x" 1 }})~",
     R"~(%!d(float64=12.34567) %!s(int=5) 1 %!d(MISSING) x%!(EXTRA int=1))~"},
    {R"~({{ printf "%g %e %G %6.3g %+d %#x" 1234567.0 1234567.0 1e-7 3.14159 5 255 }})~",
     R"~(1.234567e+06 1.234567e+06 1E-07   3.14 +5 0xff)~"},
    {R"~({{ html "<a href='x'>&\"" }} {{ js "it's <x>" }} {{ urlquery "a b&c=d/é" }})~",
     R"~(&lt;a href=&#39;x&#39;&gt;&amp;&#34; it\'s \u003Cx\u003E a+b%26c%3Dd%2F%C3%A9)~"},
    {R"~({{ not true }} {{ or 0 "" "x" }} {{ and 1 0 "x" }} {{ or 0 "" }})~",
     R"~(false x 0 )~"},
    {R"~({{ eq 1 2 1 }} {{ ne "a" "b" }} {{ lt 1 2 }} {{ le 2 2 }} {{ ge 1.5 1.0 }} {{ lt "a" "b" }})~",
     R"~(true true true true true true)~"},
    {R"~({{ eq 1 1.0 }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <eq 1 1.0>: error calling eq: incompatible types for comparison: int and float64>)~"},
    {R"~({{ $x := 5 }}{{ $x = 6 }}{{ $x }}{{ if true }}{{ $x = 7 }}{{ $y := 1 }}{{ $y }}{{ end }}{{ $x }})~",
     R"~(617)~"},
    {R"~({{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 'a' }} {{ 1e3 }} {{ -5 }} {{ `raw\n` }} {{ "esc\t\"" }} {{ +3 }} {{ 1.0 }} {{ 017 }})~",
     R"~(1000 31 5 15 97 1000 -5 raw\n esc	" 3 1 15)~"},
    {R"~({{ true }} {{ false }})~",
     R"~(true false)~"},
    {R"~({{ define "t" }}[{{ . }}]{{ end }}{{ template "t" "arg" }}{{ template "t" $value }}{{ template "t" }})~",
     R"~([arg][12.34567][<no value>])~"},
    {R"~({{ block "b" 5 }}<{{ . }}>{{ end }})~",
     R"~(<5>)~"},
    {R"~({{ humanize 1234567.0 }} {{ humanize 0.00012 }} {{ humanize 0.0 }} {{ humanize 1000.0 }} {{ humanize -1500.0 }} {{ humanize 1e30 }} {{ humanize 1e-30 }} {{ humanize 999.99 }} {{ humanize "1234" }} {{ humanize 5 }})~",
     R"~(1.235M 120u 0 1k -1.5k 1e+06Y 1e-06y 1000 1.234k 5)~"},
    {R"~({{ humanize1024 123456.0 }} {{ humanize1024 0.5 }} {{ humanize1024 1.0 }} {{ humanize1024 1e30 }} {{ humanize1024 -2048.0 }} {{ humanize1024 1048576 }})~",
     R"~(120.6ki 0.5 1 8.272e+05Yi -2ki 1Mi)~"},
    {R"~({{ humanizeDuration 0 }} {{ humanizeDuration 0.0123 }} {{ humanizeDuration 1.0 }} {{ humanizeDuration 3.5 }} {{ humanizeDuration 61 }} {{ humanizeDuration 3661.7 }} {{ humanizeDuration 90061.0 }} {{ humanizeDuration -0.00015 }} {{ humanizeDuration -90061.5 }} {{ humanizeDuration 59.99999 }} {{ humanizeDuration 899.99 }} {{ humanizeDuration 1e20 }})~",
     R"~(0s 12.3ms 1s 3.5s 1m 1s 1h 1m 1s 1d 1h 1m 1s -150us -1d 1h 1m 1s 60s 14m 59s -106751991167300d -15h -30m -8s)~"},
    {R"~({{ humanizePercentage 0.12345 }} {{ humanizePercentage 1.0 }} {{ humanizePercentage "0.5" }} {{ humanizePercentage 12.3456 }})~",
     R"~(12.35% 100% 50% 1235%)~"},
    {R"~({{ humanizeTimestamp 1700000000.5 }} {{ humanizeTimestamp 0 }} {{ humanizeTimestamp 1435065584.128 }} {{ humanizeTimestamp -1.5 }})~",
     R"~(2023-11-14 22:13:20.5 +0000 UTC 1970-01-01 00:00:00 +0000 UTC 2015-06-23 13:19:44.128 +0000 UTC 1969-12-31 23:59:58.5 +0000 UTC)~"},
    {R"~({{ humanizeTimestamp 1e30 }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <humanizeTimestamp 1e30>: error calling humanizeTimestamp: 1e+30 cannot be represented as a nanoseconds timestamp since it overflows int64>)~"},
    {R"~({{ humanize "abc" }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <humanize "abc">: error calling humanize: strconv.ParseFloat: parsing "abc": invalid syntax>)~"},
    {R"~({{ toTime 1700000000.25 }} {{ (toTime 1700000000.0).Year }} {{ (toTime 1700000000.0).Unix }} {{ (toTime 1700000000).Format "2006-01-02T15:04:05Z07:00" }})~",
     R"~(2023-11-14 22:13:20.249 +0000 UTC 2023 1700000000 2023-11-14T22:13:20Z)~"},
    {R"~({{ parseDuration "x" }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <parseDuration "x">: error calling parseDuration: not a valid duration string: "x">)~"},
    {R"~({{ title "hello wORLD foo-bar it's" }} {{ toUpper "aBc" }} {{ toLower "aBc" }})~",
     R"~(Hello WORLD Foo-Bar It's ABC abc)~"},
    {R"~({{ match "a.*c" "xabcx" }} {{ match "^b" "abc" }} {{ reReplaceAll "(a)(b)" "$2$1" "xabab" }} {{ reReplaceAll "a" "$1c" "xa" }} {{ reReplaceAll "(a)" "${1}c" "xa" }})~",
     R"~(true false xbaba x xac)~"},
    {R"~({{ match "(" "x" }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <match "(" "x">: error calling match: error parsing regexp: missing closing ): `(`>)~"},
    {R"~({{ stripPort "host:80" }} {{ stripPort "[::1]:80" }} {{ stripPort "host" }} {{ stripPort "::1" }})~",
     R"~(host ::1 host ::1)~"},
    {R"~({{ stripDomain "a.b.c:80" }} {{ stripDomain "a.b.c" }} {{ stripDomain "10.1.2.3:80" }} {{ stripDomain "10.1.2.3" }} {{ stripDomain "host" }} {{ stripDomain "[::1]:80" }})~",
     R"~(a:80 a 10.1.2.3:80 10.1.2.3 host [::1]:80)~"},
    {R"~({{ graphLink "up == 0 & x" }} {{ tableLink "rate(a[5m])" }})~",
     R"~(/graph?g0.expr=up+%3D%3D+0+%26+x&g0.tab=0 /graph?g0.expr=rate%28a%5B5m%5D%29&g0.tab=1)~"},
    {R"~({{ args 1 "b" 2.5 }} {{ (args "x").arg0 }} {{ (args "x").arg1 }})~",
     R"~(map[arg0:1 arg1:b arg2:2.5] x <no value>)~"},
    {R"~({{ safeHtml "<b>" }})~",
     R"~(<b>)~"},
    {R"~({{ "a" | printf "%s-%s" "b" }})~",
     R"~(b-a)~"},
    {R"~({{ toUpper "Äöü é" }} {{ toLower "ÄÖü É" }})~", R"~(ÄÖÜ É äöü é)~"},
    {R"~({{ $labels.job | toUpper | printf "%q" }})~",
     R"~("J")~"},
    {R"~({{ .Labels.job.x }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:122: executing "__alert_A" at <.Labels.job.x>: can't evaluate field x in type string>)~"},
    {R"~({{ .Nope }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <.Nope>: can't evaluate field Nope in type struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }>)~"},
    {R"~({{ $labels.job.x }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:122: executing "__alert_A" at <$labels.job.x>: can't evaluate field x in type string>)~"},
    {R"~({{ toUpper 5 }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:123: executing "__alert_A" at <5>: expected string; found 5>)~"},
    {R"~({{ toUpper }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <toUpper>: wrong number of args for toUpper: want 1 got 0>)~"},
    {R"~({{ toUpper "a" "b" }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <toUpper>: wrong number of args for toUpper: want 1 got 2>)~"},
    {R"~({{ index $labels 5 }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <index $labels 5>: error calling index: value has type int; should be string>)~"},
    {R"~({{ range 3 }}{{ . }}{{ end }})~",
     R"~(012)~"},
    {R"~({{ range $i := 3 }}{{ $i }}{{ end }})~",
     R"~(012)~"},
    {R"~({{ range 5.5 }}{{ end }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:121: executing "__alert_A" at <5.5>: range can't iterate over 5.5>)~"},
    {R"~({{ (query "tpl" | first).Value }})~",
     R"~(1)~"},
    {R"~({{ len 5 }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <len 5>: error calling len: len of type int>)~"},
    {R"~({{ nil }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <nil>: nil is not a command>)~"},
    {R"~({{ first (query "tpl") }})~",
     R"~({map[__name__:tpl n:a] 1})~"},
    {R"~({{ call 5 }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <call 5>: error calling call: non-function 5 of type int>)~"},
    {R"~({{ template "nope" }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:124: executing "__alert_A" at <{{template "nope"}}>: template "nope" not defined>)~"},
    {R"~({{ if $labels }}y{{ end }}{{ if 0.0 }}y{{ else }}n{{ end }}{{ if "" }}y{{ else }}n{{ end }}{{ if (query "nothing") }}y{{ else }}n{{ end }})~",
     R"~(ynnn)~"},
    {R"~({{ $value | printf "%.1f" }}{{ " " }}{{ $value | humanize }})~",
     R"~(12.3 12.35)~"},
    {R"~({{ 1.5e3 }} {{ 1e21 }} {{ 100000.0 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1e100 }})~",
     R"~(1500 1e+21 100000 0.0001 1e-05 1e+100)~"},
    {R"~({{ print $labels }})~",
     R"~(map[instance:host:80 job:j])~"},
    {R"~({{ print (query "tpl" | first).Labels }})~",
     R"~(map[__name__:tpl n:a])~"},
    {R"~({{ lt 1 "a" }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <lt 1 "a">: error calling lt: incompatible types for comparison: int and string>)~"},
    {R"~({{ le 1 2.0 }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <le 1 2.0>: error calling le: incompatible types for comparison: int and float64>)~"},
    {R"~({{ eq "a" nil }})~",
     R"~(false)~"},
    {R"~({{ eq $labels $labels }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <eq $labels $labels>: error calling eq: non-comparable type map[instance:host:80 job:j]: map[string]string>)~"},
    {R"~({{ ne 1 }})~",
     R"~(<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing "__alert_A" at <ne>: wrong number of args for ne: want 2 got 1>)~"},
    {R"~({{ (1) }})~",
     R"~(1)~"},
    {R"~({{ ("a") | len }})~",
     R"~(1)~"},
    {R"~({{ with $x := 3 }}{{ $x }}{{ end }})~",
     R"~(3)~"},
    {R"~({{ if $x := 3 }}{{ $x }}{{ else }}{{ $x }}{{ end }})~",
     R"~(3)~"},
    {R"~({{ "multi" | print "a" | len }})~",
     R"~(6)~"},
    {R"~({{ .Value | printf "%T" }} {{ printf "%T %T %T %T" 1 "a" true 1.5 }})~",
     R"~(float64 int string bool float64)~"},
    {R"~({{ printf "%v %v" $labels (query "nothing") }})~",
     R"~(map[instance:host:80 job:j] [])~"},
    {R"~({{ printf "%6d|%-6d|%+.1e|%s" 42 42 12345.678 $value }})~",
     R"~(    42|42    |+1.2e+04|%!s(float64=12.34567))~"},
    {R"~({{ printf "%5t|%c|%U|%b|%o|%X" true 65 65 5 8 255 }})~",
     R"~( true|A|U+0041|101|10|FF)~"},
    {R"~({{ printf "%*d" 5 42 }} {{ printf "%[2]d %[1]d" 1 2 }} {{ printf "%!" }} {{ printf "%z" 3 }} {{ printf "%" }})~",
     R"~(   42 2 1 %!!(MISSING) %!z(int=3) %!(NOVERB))~"},
};
// clang-format on

TEST(TemplateTest, AsPrometheus) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(Expand(c.text), c.want);
  }
}

// Functions that came after 3.5.3; reference: Prometheus 3.14's documentation.
TEST(TemplateTest, NewerFunctions) {
  const Case cases[] = {
      {"{{ toDuration 3661.5 }}", "1h1m1.5s"},
      {"{{ now }}", "1.70000000025e+09"},
      {"{{ urlQueryEscape \"a b&c\" }}", "a+b%26c"},
      {"{{ parseDuration \"-5m\" }} {{ parseDuration \"1h30m\" }}", "-300 5400"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(Expand(c.text), c.want);
  }
}

// Of 3.14, through the same interpreter in console pages.
TEST(TemplateTest, PlacesInLaterLines) {
  EXPECT_EQ(Expand("a\n  {{ .Nope }}"),
            "<error expanding template: error executing template __alert_A: template: "
            "__alert_A:2:5: executing \"__alert_A\" at <.Nope>: can't evaluate field Nope in type "
            "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL "
            "string; Value interface {} }>");
}

// The wording is Go's text/template's.
// What promtool 3.14 makes of a histogram as value.
TEST(TemplateTest, Histogram) {
  model::FloatHistogram h;
  h.schema = 1;
  h.count = 3;
  h.sum = 2.5;
  h.positive_spans = {{0, 3}};
  h.positive_buckets = {1, 0, 2};
  const std::string text = "{count:3, sum:2.5, (0.7071067811865475,1]:1, (1.414213562373095,2]:2}";
  const auto failure = [](int column, const std::string& at, const std::string& why) {
    return fmt::format(
        "<error expanding template: error executing template __alert_A: template: "
        "__alert_A:1:{}: executing \"__alert_A\" at <{}>: {}>",
        column, at, why);
  };
  const std::pair<std::string, std::string> cases[] = {
      {"{{ $value }}", text},
      {"{{ printf \"%v %s %T\" $value .Value $value }}",
       text + " " + text + " *histogram.FloatHistogram"},
      {"{{ if $value }}yes{{ end }}", "yes"},
      {"{{ with query \"h\" }}{{ . | first | value }}{{ end }}", text},
      {"{{ $value.Count }} {{ .Value.Sum }}", "3 2.5"},
      {"{{ print $value 1 \"x\" $value }}", text + " 1x" + text},
      {"{{ not $value }} {{ and $value 1 }}", "false 1"},
      {"{{ humanize $value }}",
       failure(115, "humanize $value",
               "error calling humanize: can't convert *histogram.FloatHistogram to float")},
      {"{{ $value.Nope }}",
       failure(121, "$value.Nope", "can't evaluate field Nope in type *histogram.FloatHistogram")},
      {"{{ toUpper $value }}",
       failure(123, "$value",
               "wrong type for value; expected string; got *histogram.FloatHistogram")},
  };
  TemplateContext context;
  context.query = [&h](const std::string&, model::TimestampMs) -> Result<promql::Vector> {
    promql::Vector vector(1);
    vector[0].h = std::make_unique<model::FloatHistogram>(h);
    return vector;
  };
  for (const auto& [written, want] : cases) {
    SCOPED_TRACE(written);
    EXPECT_EQ(AlertText("A", written).Expand(context, {{}, 0, &h}, 0), want);
  }
}

TEST(TemplateTest, ParseErrors) {
  const Case cases[] = {
      {"{{ x }}", "template: __alert_A:1: function \"x\" not defined"},
      {"{{ $nope }}", "template: __alert_A:1: undefined variable \"$nope\""},
      {"{{ if true }}", "template: __alert_A:1: unexpected EOF"},
      {"a\nb {{ end }}", "template: __alert_A:2: unexpected {{end}}"},
      {"{{ else }}", "template: __alert_A:1: unexpected {{else}}"},
      {"{{ \"a }}", "template: __alert_A:1: unterminated quoted string"},
      {"{{ $value", "template: __alert_A:1: unclosed action"},
      {"{{ }}", "template: __alert_A:1: missing value for command"},
      {"{{ if }}{{ end }}", "template: __alert_A:1: missing value for if"},
      {"{{ break }}", "template: __alert_A:1: {{break}} outside {{range}}"},
      {"{{ ( $value }}", "template: __alert_A:1: unclosed left paren"},
      {"{{ $value | 5 }}", "template: __alert_A:1: non executable command in pipeline stage 2"},
      {"{{/* a", "template: __alert_A:1: unclosed comment"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto status = AlertText("A", c.text).parsed();
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().message(), c.want);
  }
  EXPECT_TRUE(AlertText("A", "{{ $labels.job | toUpper }} {{ .Value }}").parsed());
}

// Nothing that a template contains may take the server down or keep it busy for ever.
TEST(TemplateTest, BoundedWhateverTheText) {
  const std::string open(200'000, '(');
  std::string deep = "{{ template \"a\" }}";
  for (int i = 0; i < 190; ++i) deep = "{{ if true }}" + deep + "{{ end }}";
  std::string doubling = "{{ define \"a0\" }}{{ end }}";
  for (int i = 1; i <= 60; ++i) {
    doubling += fmt::format(
        "{{{{ define \"a{0}\" }}}}{{{{ template \"a{1}\" }}}}"
        "{{{{ template \"a{1}\" }}}}{{{{ end }}}}",
        i, i - 1);
  }
  std::string wide;
  for (int i = 0; i < 10'000; ++i) wide += "%[1]1000000v";  // 10 GB.
  const std::string cases[] = {
      "{{ " + open + " }}",
      "{{ printf \"" + wide + "\" 1 }}",
      "{{ printf \"" + wide + "\" $labels | len }}",
      "{{ 0x1e+2i }}",
      "{{ -0x1e+2i }}",
      "{{ define \"a\" }}" + deep + "{{ end }}{{ template \"a\" }}",  // Deep twice over.
      doubling + "{{ template \"a60\" }}",                            // 2^60 calls.
      "{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
      "{{ range 100000000000 }}x{{ end }}",
      "{{ printf \"%999999999d\" 1 }}",
      "{{ printf \"%.999999999f\" 1.5 }}",
      "{{",
      "}}",
      "{{-",
      "{{.",
      "{{$",
      "{{\\",
      "\xff{{\xff}}",
      "{{'",
      "{{`",
      "{{0x}}",
      "{{1_}}",
      "{{ slice \"abc\" 2 1 }}",
      "{{ slice \"abc\" -1 }}",
      "{{ index \"abc\" 3 }}",
  };
  for (const std::string& text : cases) {
    SCOPED_TRACE(text.substr(0, 60));
    EXPECT_LT(Expand(text).size(), std::size_t{17} << 20);
  }
}

TEST(TemplateTest, EveryPrefixOfEveryCaseIsSafe) {
  for (const Case& c : kCases) {
    const std::string text = c.text;
    for (std::size_t size = 0; size < text.size(); ++size) (void)Expand(text.substr(0, size));
  }
}

TEST(GoTimeTest, Calendar) {
  const struct {
    std::int64_t ms;
    const char* want;
  } cases[] = {
      {0, "1970-01-01 00:00:00 +0000 UTC"},
      {-1, "1969-12-31 23:59:59.999 +0000 UTC"},
      {951'782'400'000, "2000-02-29 00:00:00 +0000 UTC"},
      {4'107'542'399'120, "2100-02-28 23:59:59.12 +0000 UTC"},
      {-62'135'596'800'000, "0001-01-01 00:00:00 +0000 UTC"},
  };
  using tmpl::FormatGoTime;
  using tmpl::TimeFromMs;
  for (const auto& c : cases) EXPECT_EQ(FormatGoTime(TimeFromMs(c.ms)), c.want);
  EXPECT_EQ(FormatGoTime(TimeFromMs(951'782'400'000), "Mon Jan _2 15:04:05 2006, Monday 002"),
            "Tue Feb 29 00:00:00 2000, Tuesday 060");
  EXPECT_EQ(FormatGoTime(TimeFromMs(46'800'000), "3:04PM"), "1:00PM");
}

}  // namespace
}  // namespace narthex::alerting
