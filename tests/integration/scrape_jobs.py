"""Scrape jobs and the pages that their targets answer with, one after the other; the last one stays.

JOBS has, for each job, more of its configuration and its pages. A page is text, or (text, Content-Type),
or (text, Content-Type, status). In the pages, @N stands for the time N seconds after the start, in
milliseconds, and %N for it in seconds.
"""
import struct

TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PROTO = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


def om(text):
    return (text, OPENMETRICS)


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    """A field of a message: bytes or text, a float, or an integer."""
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value % (1 << 64))
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def family(name, kind, *metrics, unit=""):
    body = field(1, name) + field(2, f"Help of {name}.") + field(3, kind)
    body += b"".join(field(4, m) for m in metrics) + (field(5, unit) if unit else b"")
    return varint(len(body)) + body


def pairs(**labels):
    return b"".join(field(1, field(1, n) + field(2, v)) for n, v in labels.items())


def stamp(seconds):
    return field(1, seconds) + field(2, 0)


def native(count, total, schema=3, spans=((0, 2),), deltas=(1, 1), zero=0, buckets=()):
    body = field(1, count) + field(2, total)
    body += b"".join(field(3, field(1, n) + field(2, le)) for le, n in buckets)
    body += field(5, schema % (1 << 33) * 2) + field(6, 0.001) + field(7, zero)
    body += b"".join(field(12, field(1, 2 * offset) + field(2, length)) for offset, length in spans)
    return body + b"".join(field(13, 2 * d if d >= 0 else -2 * d - 1) for d in deltas)


COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)


def counter(value, *more):
    return field(3, field(1, float(value)) + b"".join(more))


def proto(*families):
    return (b"".join(families), PROTO)


CLASSIC = """# TYPE h histogram
h_bucket{le="1"} 1
h_bucket{le="2.5"} 3
h_bucket{le="+Inf"} 4
h_sum 9
h_count 4
# TYPE s summary
s{quantile="0.5"} 1
s{quantile="1.0"} 2
s_sum 3
s_count 2
"""
CLASSIC_OM = """# HELP h Times.
# TYPE h histogram
# UNIT h seconds
h_bucket{le="1.0"} 1 # {trace="a"} 0.5
h_bucket{le="2.5"} 3 # {trace="b"} 2 %0
h_bucket{le="+Inf"} 4
h_sum 9
h_count 4
# EOF
"""
CREATED = """# TYPE c counter
c_total 5 %10
c_created %3
# TYPE d counter
d_total{a="b"} 7
d_created{a="b"} %1
# EOF
"""
NATIVE = family("n", HISTOGRAM, pairs(a="1") + field(7, native(3, 4.5)))
NATIVE_BOTH = family("n", HISTOGRAM, pairs(a="1") + field(7, native(3, 4.5, buckets=((1.0, 2), (5.0, 3)))))
WIDE = family("w", HISTOGRAM, field(7, native(8, 4.5, spans=((0, 8),), deltas=(1, 0, 0, 0, 0, 0, 0, 0))))
NEGATIVE_BUCKETS = family("n", HISTOGRAM, field(7, native(1, 4.5, deltas=(1, -5))))

JOBS = {
    "plain": ("", ["a 1\nb{x=\"1\"} 2\n", "a 2\n", "a 3\nb{x=\"1\"} 4\n", "", "a 5\n"]),
    "failing": ("", ["a 1\nb 2\n", ("a 2\n", TEXT, 500), "a 3\n", ("a 4\n", "image/png"), "a 5\nb 6\n"]),
    "bad-line": ("", ["a 1\nb 2\n", "a 2\nb 2 x\nc 3\n", "a 3\n{} 4\n", "a 4\n"]),
    "spellings": ("", ["a{x=\"1\",y=\"2\"} 1\n", "a{y=\"2\",x=\"1\"} 2\n", " a{ x = \"1\" , y=\"2\" , }\t3 \n"]),
    "twice": ("", ["a 1\na 2\nb 1\n", "a 1\na{} 1\n", "a 1 @0\na 2 @1000\na 3 @500\n"]),
    "times": ("", ["a 1 @0\nb 1\n", "a 2 @0\nb 2\n", "a 3 @1000\n", "b 3\n", "a 4 @2000\n", "a 5 @1500\n"]),
    "far-times": ("", ["old 1 @-9999999999\nnew 1 @999999\nz 1 0\nb 1\n", "b 2\nnear 1 @500000\n"]),
    "tracked": ("track_timestamps_staleness: true", ["a 1 @0\nb 1\n", "a 2 @1000\nb 2\n", "b 3\n", "b 4\n"]),
    "ignored-times": ("honor_timestamps: false", ["a 1 @0\n", "a 2 @0\n", "b 1 @77\n"]),
    "conflict": ("", ["a{job=\"x\",instance=\"y\",exported_job=\"z\"} 1\nb{job=\"\"} 2\nc{exported_job=\"q\"} 3\n"]),
    "honoured": ("honor_labels: true", ["a{job=\"x\",instance=\"y\"} 1\nb{job=\"\",instance=\"\"} 2\nc 3\n"]),
    "relabelled": ("metric_relabel_configs: [{source_labels: [__name__], regex: 'drop.*', action: drop}, "
                   "{source_labels: [x], target_label: y, replacement: 'y$1'}, {regex: x, action: labeldrop}, "
                   "{source_labels: [__name__], regex: 'old_(.*)', target_label: __name__}]",
                   ["drop_me 1\na{x=\"1\"} 1\na{x=\"2\"} 2\nold_b 3\nb 4\n", "a{x=\"1\"} 3\nold_b 5\n"]),
    "nameless": ("metric_relabel_configs: [{regex: __name__, action: labeldrop}]", ["a 1\n"]),
    "labelless": ("metric_relabel_configs: [{regex: '.*', action: labeldrop}]", ["a 1\n"]),
    "underscores": ("", ["a{__x=\"1\",__name=\"2\"} 1\n"]),
    "merged": ("metric_relabel_configs: [{regex: x, action: labeldrop}]",
               ["a{x=\"1\"} 1\na{x=\"2\"} 2\n", "a{x=\"2\"} 3\n", "a{x=\"1\"} 4\na{x=\"2\"} 4\n"]),
    "bad-relabelling": ("metric_relabel_configs: [{source_labels: [x], target_label: '$1', replacement: v, regex: (.*)}]",
                        ["a{x=\"good\"} 1\n", "a{x=\"1\"} 1\n"]),
    "sample-limit": ("sample_limit: 3", ["a 1\nb 1\nc 1\n", "a 2\nb 2\nc 2\nd 2\n", "a 3\n", "a 1\nb 1\nc 1\nd x\n"]),
    "sample-limit-dropped": ("sample_limit: 1, metric_relabel_configs: [{source_labels: [__name__], regex: b, action: drop}]",
                             ["a 1\nb 1\n", "a 2\nb 1\nb{x=\"1\"} 1\nc 1\n"]),
    "sample-limit-twice": ("sample_limit: 1", ["a 1\na 2\n", "a 1\n"]),
    "sample-limit-native": ("sample_limit: 1, scrape_native_histograms: true", [proto(NATIVE), proto(NATIVE, WIDE)]),
    "label-limit": ("label_limit: 4", ["a{x=\"1\"} 1\n", "a{x=\"1\"} 1\nb{x=\"1\",y=\"2\"} 2\n", "a{x=\"1\"} 3\n"]),
    "label-name-limit": ("label_name_length_limit: 9", ["a{xxxxxxxxx=\"1\"} 1\n", "a{xxxxxxxxxx=\"1\"} 1\n"]),
    "label-value-limit": ("label_value_length_limit: 20", ["a{x=\"1\"} 1\n", "a{x=\"" + "é" * 11 + "\"} 1\n", "a 1\n"]),
    "label-limit-target": ("label_limit: 2", ["a 1\n"]),
    "body-limit": ("body_size_limit: 8B, extra_scrape_metrics: true",
                   ["a 1234\n", "a 12345\n", "a 123456789\n", "", "a 1\n"]),
    "extra": ("extra_scrape_metrics: true, sample_limit: 5", ["a 1\n", ("", TEXT, 503), "b x\n", "a 2\nb 1\n"]),
    "fallback-text": ("fallback_scrape_protocol: PrometheusText0.0.4",
                      [("a 1\n", "image/png"), ("a 2\n", ""), ("a 3\n", "text/"), ("a 4\n# EOF\n", OPENMETRICS)]),
    "fallback-openmetrics": ("fallback_scrape_protocol: OpenMetricsText1.0.0",
                             [("a 1\n# EOF\n", "x/y"), ("a 2\n", "x/y"), ("a 3\n# EOF\n", ""), "a 4\n"]),
    "fallback-proto": ("fallback_scrape_protocol: PrometheusProto",
                       [(family("c", COUNTER, counter(1)), "x/y"), ("a 1\n", ""), "a 2\n"]),
    "types": ("", [("a 1\n", "text/plain"), ("a 2\n", "text/plain; charset=utf-8; version=1.0.0"), ("a 3\n", "TEXT/PLAIN"),
                   ("a 4\n", "application/json"), ("a 5\n# EOF\n", "application/openmetrics-text"),
                   ("a 6\n", "application/vnd.google.protobuf")]),
    "more-types": ("", [("a 1\n", "text/plain; version=2"), ("a 2\n", "text/html"), ("a 3\n# EOF\n", OPENMETRICS + ".5"),
                        ("a 4\n", "text/plain;q=1;version=0.0.4"), ("a 5\n", "text/plain;version")]),
    "classic": ("", [CLASSIC, CLASSIC]),
    "converted": ("convert_classic_histograms_to_nhcb: true", [CLASSIC, CLASSIC, "a 1\n"]),
    "converted-kept": ("convert_classic_histograms_to_nhcb: true, always_scrape_classic_histograms: true", [CLASSIC, CLASSIC]),
    "converted-openmetrics": ("convert_classic_histograms_to_nhcb: true", [om(CLASSIC_OM), om(CLASSIC_OM), om("# EOF\n")]),
    "converted-legacy": ("convert_classic_histograms_to_nhcb: true, metric_name_validation_scheme: legacy, "
                         "metric_name_escaping_scheme: underscores", [CLASSIC]),
    "openmetrics": ("", [om(CLASSIC_OM), om("# TYPE g gaugehistogram\ng_bucket{le=\"1\"} 1\ng_gsum 2\ng_gcount 1\n# EOF\n"),
                         om("# TYPE i info\ni_info{v=\"1\"} 1\n# TYPE s stateset\ns{s=\"on\"} 1\n# EOF\n"),
                         om("a 1\n"), om("a 1\n# EOF\nb 1\n"), om("a 1 1.5\n# EOF")]),
    "created": ("", [om(CREATED), om(CREATED.replace("c_total 5 %10", "c_total 6 %11"))]),
    "utf8": ("", ["{\"a.b\",\"l.m\"=\"1\"} 1\n{\"c\"} 2\na{\"é\"=\"ü\"} 3\n", om("{\"a.b\"} 1\n# TYPE \"q.r\" counter\n{\"q.r_total\"} 1\n# EOF\n")]),
    "utf8-legacy": ("metric_name_validation_scheme: legacy, metric_name_escaping_scheme: underscores",
                    ["{\"a.b\",\"l.m\"=\"1\"} 1\n", "a{\"é\"=\"ü\"} 3\n", "a 1\n{\"ok\"} 2\n"]),
    "numbers": ("", ["a 0x1p4\nb +Inf\nc -inf\nd NaN\ne 1e400\nf 1_000\n", "a 0x1p4\n", "b +Inf\nc -inf\nd nan\ne .5\nf 5.\ng 1e3\n",
                     "a 1_000\n"]),
    "more-numbers": ("", ["a 1e400\n", "a 0x_1p2\n", "a 0b11\n", "a 017\n", "a 1 1.5\n", "a +1e-400 -5\n"]),
    "ends": ("", ["a 1\r\nb 2\r\n", "a 1", "\n\n a 2\n\n", "# a comment\n#\n# HELP a\n# TYPE a nonsense\na 3\n", "a 1 2 3\n"]),
    "escapes": ("", ["a{x=\"\\\\\\n\\\"\\t\"} 1\n# HELP a tail \\\\ \\n\n", "a{x=\"\n\"} 1\n"]),
    "native": ("scrape_native_histograms: true", [proto(NATIVE), proto(NATIVE_BOTH), proto(NATIVE), "a 1\n"]),
    "native-off": ("scrape_protocols: [PrometheusProto]", [proto(NATIVE), proto(NATIVE_BOTH)]),
    "native-both": ("scrape_native_histograms: true, always_scrape_classic_histograms: true", [proto(NATIVE_BOTH)] * 2),
    "native-converted": ("scrape_native_histograms: true, convert_classic_histograms_to_nhcb: true",
                         [proto(NATIVE_BOTH, family("x", HISTOGRAM, field(7, field(1, 3) + field(2, 2.0) +
                                                                           field(3, field(1, 1) + field(2, 0.5)))))] * 2),
    "native-limit": ("scrape_native_histograms: true, native_histogram_bucket_limit: 4", [proto(NATIVE), proto(WIDE), proto(NATIVE)]),
    "native-factor": ("scrape_native_histograms: true, native_histogram_min_bucket_factor: 2", [proto(NATIVE), proto(WIDE)]),
    "native-limit-custom": ("convert_classic_histograms_to_nhcb: true, native_histogram_bucket_limit: 2", [CLASSIC, "a 1\n"]),
    "native-bad": ("scrape_native_histograms: true", [proto(NATIVE), proto(NEGATIVE_BUCKETS), proto(NATIVE)]),
    "proto": ("scrape_protocols: [PrometheusProto]",
              [proto(family("c_total", COUNTER, pairs(x="1") + counter(5), unit="s"),
                     family("g", GAUGE, field(2, field(1, 1.5)) + field(6, 1000)),
                     family("s", SUMMARY, field(4, field(1, 2) + field(2, 3.0) + field(3, field(1, 0.5) + field(2, 1.0)))),
                     family("u", UNTYPED, field(5, field(1, 2.0)))), proto(), proto(b"\x05abc")]),
    "proto-created": ("scrape_protocols: [PrometheusProto], scrape_native_histograms: true",
                      [lambda now: proto(family("c_total", COUNTER, counter(5, field(3, stamp(now - 60)))),
                                         family("n", HISTOGRAM, field(7, native(3, 4.5) + field(15, stamp(now - 50)))))] * 2),
    "limited-targets": ("target_limit: 1", ["a 1\n"]),
    "internal": ("relabel_configs: [{target_label: __scrape_interval__, replacement: 2s}, "
                 "{target_label: __scrape_timeout__, replacement: 1500ms}, {target_label: __param_x, replacement: 'v w'}, "
                 "{target_label: __convert_classic_histograms_to_nhcb__, replacement: 'true'}]", [CLASSIC]),
}

# Where a scrape fails at one of its pages, Narthex ends all series of the scrape before; Prometheus none of those
# that it saw before the failure, and ends them later, also such as it never stored.
FAILING_LATE = {"bad-line", "fallback-openmetrics", "openmetrics", "sample-limit", "sample-limit-dropped",
                "sample-limit-native", "native-limit-custom"}

# Jobs whose targets can't be made, or are not wanted.
REFUSED = {
    "slash": "{target_label: __address__, replacement: 'a/b'}",
    "no-address": "{target_label: __address__, replacement: ''}",
    "zero-interval": "{target_label: __scrape_interval__, replacement: 0s}",
    "bad-interval": "{target_label: __scrape_interval__, replacement: x}",
    "long-timeout": "{target_label: __scrape_timeout__, replacement: 1h}",
    "bad-bool": "{target_label: __scrape_native_histograms__, replacement: 'maybe'}",
    "dropped": "{source_labels: [__address__], action: drop}",
    "other-scheme": "{target_label: __scheme__, replacement: ftp}",
    "no-scheme": "{target_label: __scheme__, replacement: ''}",
    "labelless-target": "{regex: 'job|instance|__scheme__', action: labeldrop}",
}
