// SPDX-License-Identifier: Apache-2.0
//
// The verbs of printf and the functions that print, with what Prometheus 3.14's template package
// makes of them.

#include "tests/alerting/template_cases.h"

namespace narthex::alerting {
namespace {

// clang-format off
constexpr Case kVerbs[] = {
    {R"~({{ printf "%q" $labels }} {{ printf "%x" $labels }} {{ printf "%s" $labels }} {{ printf "%8.3s|" $labels }})~",
     R"~(map["instance":"host:80" "job":"j"] map[696e7374616e6365:686f73743a3830 6a6f62:6a] map[instance:host:80 job:j] map[     ins:     hos      job:       j]|)~"},
    {R"~({{ printf "%d" $labels }})~",
     R"~(map[%!d(string=instance):%!d(string=host:80) %!d(string=job):%!d(string=j)])~"},
    {R"~({{ printf "%#v %+v" $labels $labels }})~",
     R"~(map[string]string{"instance":"host:80", "job":"j"} map[instance:host:80 job:j])~"},
    {R"~({{ printf "%#v %v %q" (args 1 "a" nil 2.5) (args 1 "a" nil) (args 1 "a" nil 'x') }})~",
     R"~(map[string]interface {}{"arg0":1, "arg1":"a", "arg2":interface {}(nil), "arg3":2.5} map[arg0:1 arg1:a arg2:<nil>] map["arg0":'\x01' "arg1":"a" "arg2":<nil> "arg3":'x'])~"},
    {R"~({{ printf "%x %X %x" 1.5 -0.1 0.0 }} {{ printf "%.3x %.0x %.20x" 1.9999999 1.5 1.5 }} {{ printf "%x" 1e-310 }})~",
     R"~(0x1.8p+00 -0X1.999999999999AP-04 0x0p+00 0x1.000p+01 0x1p+01 0x1.80000000000000000000p+00 0x1.2688b70e62bp-1030)~"},
    {R"~({{ printf "%b %b %b" 1.0 -2.5 0.0 }} {{ printf "%b" 1e-310 }})~",
     R"~(4503599627370496p-52 -5629499534213120p-51 0p-1074 20240225330731p-1074)~"},
    {R"~({{ printf "%+q %q %#q %#q %q" "é☃" "é☃" "a\"b" "a`b" "\x00\u200b" }})~",
     R"~("\u00e9\u2603" "é☃" `a"b` "a`b" "\x00\u200b")~"},
    {R"~({{ printf "%+q %q %q %q %q" 'é' 'é' 0 39 34 }} {{ printf "%q" 0x1F600 }} {{ printf "%c" 0x1F600 }} {{ printf "%q" -1 }})~",
     R"~('\u00e9' 'é' '\x00' '\'' '"' '😀' 😀 '�')~"},
    {R"~({{ printf "%#v %#v %#v %#v %#v" 1 1.5 "a\"" true 1000000.0 }} {{ printf "%#v" nil }} {{ printf "%#v" 1i }})~",
     R"~(1 1.5 "a\"" true 1e+06 <nil> (0+1i))~"},
    {R"~({{ printf "%+v %+v %+v" 5 1.5 "x" }} {{ printf "%+d % d %+.1f % .1f" 5 5 1.5 1.5 }})~",
     R"~(5 1.5 x +5  5 +1.5  1.5)~"},
    {R"~({{ printf "%U %#U %#U %.6U %08U" 0x41 0x41 0x200b 0x41 0x41 }})~",
     R"~(U+0041 U+0041 'A' U+200B U+000041   U+0041)~"},
    {R"~({{ printf "%08d|%-8d|%+08d|%08.3d|%8.3d|%.0d|%5.0d|" 42 42 42 42 42 0 0 }} {{ printf "%08d" -42 }})~",
     R"~(00000042|42      |+0000042|     042|     042||     | -0000042)~"},
    {R"~({{ printf "%#x %#o %#b %O %#X %#08x %08x %#o" 255 8 5 8 255 255 255 0 }} {{ printf "%x %X %o" -255 -255 -8 }})~",
     R"~(0xff 010 0b101 0o10 0XFF 0x000000ff 000000ff 0 -ff -FF -10)~"},
    {R"~({{ printf "%05s|%-5s|%5s|%.2s|%5.1s|%05t|%5t" "ab" "ab" "ab" "abc" "éa" true false }})~",
     R"~(000ab|ab   |   ab|ab|    é|0true|false)~"},
    {R"~({{ printf "%08.2f|%-8.2f|%+08.2f|% 08.2f|%8.2f" 3.14159 3.14159 3.14159 3.14159 -3.14159 }})~",
     R"~(00003.14|3.14    |+0003.14| 0003.14|   -3.14)~"},
    {R"~({{ printf "%#g %#.3g %#f %#.0f %#e %#g %#g %#x" 1.5 1.5 1.5 1.0 1.5 1234567.0 0.0 1.5 }})~",
     R"~(1.50000 1.50 1.500000 1. 1.500000e+00 1.234567e+06 0.00000 0x1.8000p+00)~"},
    {R"~({{ printf "%f %F %e %E %g %G" 1e10 1e10 1e10 1e10 1e10 1e-10 }} {{ printf "%.3g %.10g %.0f %.1e" 1234.5678 1234.5678 2.5 12345.0 }})~",
     R"~(10000000000.000000 10000000000.000000 1.000000e+10 1.000000E+10 1e+10 1E-10 1.23e+03 1234.5678 2 1.2e+04)~"},
    {R"~({{ $inf := humanize "Inf" }}{{ $inf }} {{ printf "%5d" "x" }} {{ printf "%d %s %t" "x" 1 1 }} {{ printf "%d" 1.5 }} {{ printf "%s" nil }} {{ printf "%d" nil }} {{ printf "%v|%5v" nil nil }})~",
     R"~(+Inf %!d(string=    x) %!d(string=x) %!s(int=1) %!t(int=1) %!d(float64=1.5) %!s(<nil>) %!d(<nil>) <nil>|<nil>)~"},
    {R"~({{ printf "%[2]d %[1]d" 1 2 }} {{ printf "%[3]d" 1 }} {{ printf "%[x]d" 1 }} {{ printf "%[1]d %d %[1]q" 1 2 }} {{ printf "%[2]*[1]d" 1 5 }} {{ printf "%[1]2d" 1 }} {{ printf "%[" 1 }} {{ printf "%.[1]d" 1 }})~",
     R"~(2 1 %!d(BADINDEX) %!d(BADINDEX) 1 2 '\x01'     1 %!d(BADINDEX) %!(NOVERB) 1)~"},
    {R"~({{ printf "%*d %-*d| %*d|" 5 1 5 1 -5 1 }} {{ printf "%*d" "x" 1 }} {{ printf "%.*f" 2 1.555 }} {{ printf "%.*f" -2 1.555 }} {{ printf "%.*f" "x" 1.5 }})~",
     R"~(    1 1    | 1    | %!(BADWIDTH)1 1.55 %!(BADPREC)1.555000 %!(BADPREC)1.500000)~"},
    {R"~({{ printf "%d %d" 1 }} {{ printf "%d" 1 2 "x" nil $labels }} {{ printf "%" }} {{ printf "%5" 1 }} {{ printf "%%|%5%|" }} {{ printf "%!d" 1 }} {{ printf "%é" 1 }} {{ printf "%w" 1 }} {{ printf "%p" 1 }})~",
     R"~(1 %!d(MISSING) 1%!(EXTRA int=2, string=x, <nil>, map[string]string=map[instance:host:80 job:j]) %!(NOVERB) %!(NOVERB)%!(EXTRA int=1) %|%| %!!(int=1)d %!é(int=1) %!w(int=1) %!p(int=1))~"},
    {R"~({{ printf "%T|%10T|%T|%-8T|" 1 "a" nil 1.5 }} {{ printf "%T" $labels }} {{ printf "%T" (args) }} {{ printf "%T" (query "tpl") }} {{ printf "%T" (first (query "tpl")) }})~",
     R"~(int|    string|<nil>|float64 | map[string]string map[string]interface {} template.queryResult *template.sample)~"},
    {R"~({{ printf "%v" (first (query "tpl")) }} {{ printf "%+v" (first (query "tpl")) }} {{ printf "%#v" (first (query "tpl")) }} {{ print (first (query "tpl")) }} {{ first (query "tpl") }})~",
     R"~(&{map[__name__:tpl n:a] 1} &{Labels:map[__name__:tpl n:a] Value:1} &template.sample{Labels:map[string]string{"__name__":"tpl", "n":"a"}, Value:1} &{map[__name__:tpl n:a] 1} {map[__name__:tpl n:a] 1})~"},
    {R"~({{ printf "%.1f" (first (query "tpl")) }})~",
     R"~(&{map[%!f(string=_):%!f(string=t) %!f(string=n):%!f(string=a)] 1.0})~"},
    {R"~({{ printf "%v" . }} {{ printf "%+v" . }})~",
     R"~({map[instance:host:80 job:j] map[dc:eu] http://ex.org:9/pre 12.34567} {Labels:map[instance:host:80 job:j] ExternalLabels:map[dc:eu] ExternalURL:http://ex.org:9/pre Value:12.34567})~"},
    {R"~({{ printf "%s %v %d" (toTime 0) (toTime 0) (toTime 0).Month }} {{ printf "%q" (toTime 0) }} {{ printf "%30s|" (toTime 0) }} {{ printf "%x" (toTime 0) }})~",
     R"~(1970-01-01 00:00:00 +0000 UTC 1970-01-01 00:00:00 +0000 UTC 1 "1970-01-01 00:00:00 +0000 UTC"  1970-01-01 00:00:00 +0000 UTC| 313937302d30312d30312030303a30303a3030202b3030303020555443)~"},
    {R"~({{ printf "%v %s %q %d %.3s" ((toTime 5).Sub (toTime 0)) ((toTime 5).Sub (toTime 0)) ((toTime 5).Sub (toTime 0)) ((toTime 5).Sub (toTime 0)) ((toTime 5).Sub (toTime 0)) }} {{ printf "%#v %#v" ((toTime 5).Sub (toTime 0)) (toTime 0).Month }})~",
     R"~(5s 5s "5s" 5000000000 5s 5000000000 1)~"},
    {R"~({{ printf "%f" (toTime 0).Month }} {{ printf "%f" ((toTime 5).Sub (toTime 0)) }} {{ printf "%t" (toTime 0).Unix }})~",
     R"~(%!f(time.Month=1) %!f(time.Duration=5000000000) %!t(int64=0))~"},
    {R"~({{ printf "%v %d %s" (toTime 7).Unix (toTime 7).Unix (toTime 7).Unix }})~",
     R"~(7 7 %!s(int64=7))~"},
    {R"~({{ printf "%v %.2f %s" "NaN" 1e400i 1 }})~",
     R"~(parse: illegal number syntax: "1e400i")~"},
    {R"~({{ printf "%.2f|%5.1f|%+f|% f|%05f" ("NaN" | toDuration).Hours 1.0 1.0 1.0 1.0 }})~",
     R"~(-2562047.79|  1.0|+1.000000| 1.000000|1.000000)~"},
    {R"~({{ printf "%s" (safeHtml "<b>") }} {{ printf "%q %d %T" (safeHtml "<b>") (safeHtml "<b>") (safeHtml "<b>") }})~",
     R"~(<b> "<b>" %!d(template.HTML=<b>) template.HTML)~"},
    {R"~({{ print (safeHtml "a") (safeHtml "b") 1 2 }} {{ println 1 "a" nil }}|)~",
     R"~(ab1 2 1 a <nil>
|)~"},
    {R"~({{ printf "%6.2f%%" 12.345 }} {{ printf "%3c|%-3c|%03c" 65 65 65 }})~",
     R"~( 12.35%   A|A  |00A)~"},
    {R"~({{ printf "%t %v %5t %q" true false true true }})~",
     R"~(true false  true %!q(bool=true))~"},
    {R"~({{ html (first (query "tpl")) }} {{ html 1 2 "a" }} {{ html nil nil }} {{ urlquery 1.5 "a b" }} {{ js $labels }})~",
     R"~({map[__name__:tpl n:a] 1} 1 2a &lt;no value&gt;&lt;no value&gt; 1.5a+b map[instance:host:80 job:j])~"},
    {R"~({{ printf "%s|%v|%q" (slice $labels.job 0 1) (slice "abc" 0 2) (print "a" "b") }})~",
     R"~(j|ab|"ab")~"},
    {R"~({{ printf "%.0e|%.0g|%#.0e" 15.0 15.0 15.0 }} {{ printf "%.3v|%10.3v|%.3v" 3.14159 3.14159 "abcdef" }})~",
     R"~(2e+01|2e+01|2.e+01 3.14|      3.14|abc)~"},
    {R"~({{ printf "%-05d|%-05s|%+-5d|% -5d|" 42 "a" 42 42 }})~",
     R"~(42   |a    |+42  | 42  |)~"},
    {R"~({{ printf "%+x %+X % x %+q" "hi" "hi" 255 "a" }} {{ printf "%x" "é" }} {{ printf "%X" -15 }})~",
     R"~(6869 6869  ff "a" c3a9 -F)~"},
};
// clang-format on

TEST(TemplatePrintfTest, AsPrometheus) { ExpectCases(kVerbs); }

}  // namespace
}  // namespace narthex::alerting
