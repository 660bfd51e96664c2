"""Bodies of OTLP requests: JSON as Python values, and the same in protobuf, encoded by hand.

A request is written once, in the JSON form; encode() makes the other form of it.
"""
import base64
import json
import struct

# message -> {JSON name: (field number, type)}; a type in [] is repeated, one that is a message's
# name is that message.
SCHEMA = {
    "Request": {"resourceMetrics": (1, ["ResourceMetrics"])},
    "ResourceMetrics": {"resource": (1, "Resource"), "scopeMetrics": (2, ["ScopeMetrics"]),
                        "schemaUrl": (3, "string")},
    "Resource": {"attributes": (1, ["KeyValue"])},
    "ScopeMetrics": {"scope": (1, "Scope"), "metrics": (2, ["Metric"]), "schemaUrl": (3, "string")},
    "Scope": {"name": (1, "string"), "version": (2, "string"), "attributes": (3, ["KeyValue"])},
    "Metric": {"name": (1, "string"), "description": (2, "string"), "unit": (3, "string"),
               "gauge": (5, "Gauge"), "sum": (7, "Sum"), "histogram": (9, "Histogram"),
               "exponentialHistogram": (10, "ExponentialHistogram"), "summary": (11, "Summary"),
               "metadata": (12, ["KeyValue"])},
    "Gauge": {"dataPoints": (1, ["NumberPoint"])},
    "Sum": {"dataPoints": (1, ["NumberPoint"]), "aggregationTemporality": (2, "varint"),
            "isMonotonic": (3, "bool")},
    "Histogram": {"dataPoints": (1, ["HistogramPoint"]), "aggregationTemporality": (2, "varint")},
    "ExponentialHistogram": {"dataPoints": (1, ["ExponentialPoint"]),
                             "aggregationTemporality": (2, "varint")},
    "Summary": {"dataPoints": (1, ["SummaryPoint"])},
    "NumberPoint": {"startTimeUnixNano": (2, "fixed64"), "timeUnixNano": (3, "fixed64"),
                    "asDouble": (4, "double"), "exemplars": (5, ["Exemplar"]),
                    "asInt": (6, "sfixed64"), "attributes": (7, ["KeyValue"]),
                    "flags": (8, "varint")},
    "HistogramPoint": {"startTimeUnixNano": (2, "fixed64"), "timeUnixNano": (3, "fixed64"),
                       "count": (4, "fixed64"), "sum": (5, "double"),
                       "bucketCounts": (6, ["fixed64"]), "explicitBounds": (7, ["double"]),
                       "exemplars": (8, ["Exemplar"]), "attributes": (9, ["KeyValue"]),
                       "flags": (10, "varint"), "min": (11, "double"), "max": (12, "double")},
    "ExponentialPoint": {"attributes": (1, ["KeyValue"]), "startTimeUnixNano": (2, "fixed64"),
                         "timeUnixNano": (3, "fixed64"), "count": (4, "fixed64"),
                         "sum": (5, "double"), "scale": (6, "zigzag"), "zeroCount": (7, "fixed64"),
                         "positive": (8, "Buckets"), "negative": (9, "Buckets"),
                         "flags": (10, "varint"), "exemplars": (11, ["Exemplar"]),
                         "zeroThreshold": (14, "double")},
    "Buckets": {"offset": (1, "zigzag"), "bucketCounts": (2, ["varint"])},
    "SummaryPoint": {"startTimeUnixNano": (2, "fixed64"), "timeUnixNano": (3, "fixed64"),
                     "count": (4, "fixed64"), "sum": (5, "double"),
                     "quantileValues": (6, ["Quantile"]), "attributes": (7, ["KeyValue"]),
                     "flags": (8, "varint")},
    "Quantile": {"quantile": (1, "double"), "value": (2, "double")},
    "Exemplar": {"timeUnixNano": (2, "fixed64"), "asDouble": (3, "double"), "spanId": (4, "hex"),
                 "traceId": (5, "hex"), "asInt": (6, "sfixed64"),
                 "filteredAttributes": (7, ["KeyValue"])},
    "KeyValue": {"key": (1, "string"), "value": (2, "AnyValue")},
    "AnyValue": {"stringValue": (1, "string"), "boolValue": (2, "bool"), "intValue": (3, "varint"),
                 "doubleValue": (4, "double"), "arrayValue": (5, "ArrayValue"),
                 "kvlistValue": (6, "KeyValueList"), "bytesValue": (7, "base64")},
    "ArrayValue": {"values": (1, ["AnyValue"])},
    "KeyValueList": {"values": (1, ["KeyValue"])},
}
PACKED = {"fixed64", "double", "varint"}


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while True:
        out.append((n & 0x7f) | (0x80 if n > 0x7f else 0))
        n >>= 7
        if n == 0:
            return bytes(out)


def scalar(kind, value):
    """@return (wire type, bytes) of a single value"""
    if kind in ("string", "hex", "base64"):
        raw = {"string": lambda: value.encode(), "hex": lambda: bytes.fromhex(value),
               "base64": lambda: base64.b64decode(value)}[kind]()
        return 2, varint(len(raw)) + raw
    if kind == "double":
        return 1, struct.pack("<d", float(value))
    if kind in ("fixed64", "sfixed64"):
        return 1, struct.pack("<Q", int(value) & ((1 << 64) - 1))
    if kind == "zigzag":
        n = int(value)
        return 0, varint((n << 1) ^ (n >> 31))
    return 0, varint(int(value))


def encode(value, message="Request"):
    out = bytearray()
    for name, content in value.items():
        number, kind = SCHEMA[message][name]
        repeated = isinstance(kind, list)
        kind = kind[0] if repeated else kind
        values = content if repeated else [content]
        if repeated and kind in PACKED:
            raw = b"".join(scalar(kind, one)[1] for one in values)
            out += varint(number << 3 | 2) + varint(len(raw)) + raw
            continue
        for one in values:
            if kind in SCHEMA:
                raw = encode(one, kind)
                out += varint(number << 3 | 2) + varint(len(raw)) + raw
            else:
                wire, raw = scalar(kind, one)
                out += varint(number << 3 | wire) + raw
    return bytes(out)


def to_json(value):
    """64-bit numbers as strings, as the protocol wants them."""
    def convert(message, content):
        out = {}
        for name, one in content.items():
            kind = SCHEMA[message][name][1]
            repeated = isinstance(kind, list)
            kind = kind[0] if repeated else kind

            def single(v):
                if kind in SCHEMA:
                    return convert(kind, v)
                if kind == "double" and v != v:
                    return "NaN"
                if kind == "double" and v in (float("inf"), float("-inf")):
                    return "Infinity" if v > 0 else "-Infinity"
                return str(v) if kind in ("fixed64", "sfixed64") else v
            out[name] = [single(v) for v in one] if repeated else single(one)
        return out
    return json.dumps(convert("Request", value)).encode()


def attributes(**pairs):
    """Underscores of the names stand for dots."""
    return [attribute(key.replace("_", "."), value) for key, value in pairs.items()]


def attribute(key, value):
    return {"key": key, "value": any_value(value)}


def any_value(value):
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(one) for one in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [attribute(k, v) for k, v in value.items()]}}
    return {"stringValue": value}


def request(*metrics, resource=(), scope=None, scope_url=None):
    scope_metrics = {"metrics": list(metrics)}
    if scope is not None:
        scope_metrics["scope"] = scope
    if scope_url is not None:
        scope_metrics["schemaUrl"] = scope_url
    return {"resourceMetrics": [{"resource": {"attributes": list(resource)},
                                 "scopeMetrics": [scope_metrics]}]}


def join(*requests):
    return {"resourceMetrics": [r for one in requests for r in one["resourceMetrics"]]}


def ns(seconds):
    return round(seconds * 1000) * 1_000_000


class Bodies:
    """Requests of every kind, at times around `now` (seconds)."""

    def __init__(self, now):
        self.now = now

    def point(self, value=None, after=0.0, labels=(), **more):
        point = {"timeUnixNano": ns(self.now + after), "attributes": list(labels), **more}
        if isinstance(value, int):
            point["asInt"] = value
        elif value is not None:
            point["asDouble"] = value
        return point

    def metric(self, name, kind, points, temporality=2, unit="", monotonic=None, description=""):
        data = {"dataPoints": points}
        if kind in ("sum", "histogram", "exponentialHistogram"):
            data["aggregationTemporality"] = temporality
        if monotonic is not None:
            data["isMonotonic"] = monotonic
        return {"name": name, "unit": unit, "description": description, kind: data}

    def exemplars(self):
        return [{"timeUnixNano": ns(self.now - 1), "asDouble": 0.25, "spanId": "0011223344556677",
                 "traceId": "00112233445566778899aabbccddeeff",
                 "filteredAttributes": attributes(user_id=7)},
                {"timeUnixNano": ns(self.now - 0.5), "asInt": 5,
                 "traceId": "ff112233445566778899aabbccddeeff",
                 "filteredAttributes": [attribute("long", "x" * 200)]}]

    def good(self):
        """[(name, request)], each of which is stored whole whatever the configuration."""
        p, m = self.point, self.metric

        def service(instance):
            return attributes(service_name="api", service_namespace="shop",
                              service_instance_id=instance, host_name="h1", cloud_zones=["a", "b"])
        scope = {"name": "lib", "version": "1.2", "attributes": attributes(scope_kind="test")}
        every_value = [attribute("v." + name, value) for name, value in (
            ("text", "é \"q\" \\ \n"), ("true", True), ("int", -(1 << 63)), ("double", 1e21),
            ("small", 1e-7), ("nan", float("nan")), ("bytes", b"\x00\xff"), ("empty", ""),
            ("none", None), ("list", ["a<b>", 1, 2.5, None, b"", ["x"], {}]),
            ("map", {"z": 1, "a": {"b": False}}))]
        good = [
            ("gauges", request(
                m("temp.now", "gauge", [p(21.5, labels=attributes(room_no=7)), p(-3, 1)],
                  unit="Cel", description="How warm."),
                m("free.ratio", "gauge", [p(0.5)], unit="1"),
                m("none", "gauge", [p()]),
                m("special", "gauge", [p(float("nan"), labels=attributes(k="nan")),
                                       p(float("inf"), labels=attributes(k="inf"))]),
                resource=service("gauges"), scope=scope, scope_url="http://schema")),
            ("sums", request(
                m("http.requests", "sum", [p(5, startTimeUnixNano=ns(self.now - 60)), p(6, 1)],
                  unit="{request}", monotonic=True),
                m("sent.total", "sum", [p(1.5, exemplars=self.exemplars())], unit="By/s",
                  monotonic=True),
                m("queue", "sum", [p(-2)], monotonic=False), resource=service("sums"))),
            ("histograms", request(
                m("latency", "histogram", [
                    p(count=7, sum=2.5, bucketCounts=[1, 0, 2, 4], explicitBounds=[0.1, 1.0, 1e7],
                      exemplars=self.exemplars(), startTimeUnixNano=ns(self.now - 60)),
                    p(after=1, count=8, bucketCounts=[1, 1, 2, 4], explicitBounds=[0.1, 1.0, 1e7]),
                    p(count=3, sum=1.0, labels=attributes(le="own"), bucketCounts=[3],
                      explicitBounds=[])], unit="s"), resource=service("histograms"), scope=scope)),
            ("exponential", request(
                m("e.one", "exponentialHistogram", [
                    p(count=17, sum=50.5, scale=1, zeroCount=1, zeroThreshold=0.001,
                      positive={"offset": -3, "bucketCounts": [1, 0, 0, 2, 0, 0, 0, 5]},
                      negative={"offset": 2, "bucketCounts": [0, 0, 0, 0, 8]},
                      exemplars=self.exemplars())]),
                m("e.fine", "exponentialHistogram", [
                    p(count=21, sum=1.0, scale=11, positive={
                        "offset": 7, "bucketCounts": [1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 5,
                                                      6]})]),
                m("e.coarse", "exponentialHistogram", [
                    p(count=2, sum=1.0, scale=-4, positive={"offset": -1, "bucketCounts": [1, 1]})]),
                m("e.empty", "exponentialHistogram", [p(count=0, scale=3)]), resource=service("exponential"))),
            ("summaries", request(
                m("rpc.size", "summary", [
                    p(count=4, sum=10.0, quantileValues=[{"quantile": 0.5, "value": 2.0},
                                                         {"quantile": 0.999, "value": 9.5}])],
                  unit="KiBy"), resource=attributes(service_name="only"))),
            ("staleness", request(
                m("ended", "gauge", [p(1.0, flags=1)]),
                m("ended.h", "histogram", [p(count=1, sum=1.0, bucketCounts=[1, 0],
                                             explicitBounds=[1.0], flags=1)]),
                m("ended.e", "exponentialHistogram", [p(count=1, zeroCount=1, flags=1)]),
                m("ended.s", "summary", [p(count=1, quantileValues=[{"quantile": 1.0}], flags=1)]))),
            ("values", request(m("values", "gauge", [p(1.0, labels=every_value)]),
                               resource=every_value + attributes(service_name="values"))),
            ("names", request(*[m(name, "gauge", [p(1.0)], unit=unit) for name, unit in (
                ("9.lives", ""), ("a..b__c", "By"), ("x:y/z", "m/s"), ("ok_seconds", "s"),
                ("per.what", "{thing}/min"), ("_lead", "°C"))])),
            ("labels", request(m("labels", "gauge", [p(1.0, labels=[
                attribute(key, str(i)) for i, key in enumerate(
                    ("9", "_x", "__y", "z..z", "le", "job", "__name__", "instance",
                     "otel_scope_name"))])]),
                resource=attributes(service_name="own", service_instance_id=5))),
            ("no identity", request(m("loose", "gauge", [p(1.0)]), resource=attributes(host="h"))),
            ("job of its own", request(m("own.job", "gauge", [p(1.0)]),
                                       resource=[attribute("job", "mine"), attribute("x", "y")])),
            ("times", request(m("times", "gauge", [p(1.0, after) for after in (2, 500, 100, 3)]),
                              resource=attributes(service_name="times", host_name="h"))),
            ("two resources", join(
                request(m("two", "gauge", [p(1.0)]), resource=service("two")),
                request(m("two", "gauge", [p(1.0, 1)]), resource=service("two")))),
            ("nothing", {"resourceMetrics": []}),
            ("no points", {"resourceMetrics": [{"resource": {}, "scopeMetrics": [{"metrics": []}]}]}),
        ]
        return good

    def odd(self):
        """[(name, request)] that are refused, or stored with a warning, as the configuration is."""
        p, m = self.point, self.metric
        return [
            ("collision", request(m("collide", "gauge", [
                p(1.0, labels=[attribute("a_b", "2"), attribute("a.b", "1")])]),
                resource=[attribute("service.name", "s"), attribute("x.y", "1"),
                          attribute("x/y", "2")])),
            ("other alphabets", request(m("é.ü", "gauge", [p(1.0)], unit="%"))),
            ("labels of other alphabets", request(m("abc", "gauge", [
                p(1.0, labels=[attribute("ü", "1")])]))),
            ("same key", request(m("same.key", "gauge", [
                p(1.0, labels=[attribute("k", "1"), attribute("k", "2")])]))),
            ("empty key", request(m("empty.key", "gauge", [p(1.0, labels=[attribute("", "1")])]))),
            ("empty key of a resource", request(m("empty.key", "gauge", [p(1.0, 1)]),
                                                resource=[attribute("", "1")])),
            ("underscores", request(m("underscores", "gauge", [
                p(1.0, labels=[attribute("__", "1")])]))),
            ("no data", request({"name": "no.data"})),
            ("no data points", request(m("no.points", "gauge", []), m("none", "histogram", []))),
            ("no temporality", request(m("t\"", "sum", [p(1.0)], temporality=0))),
            ("delta", request(m("delta", "sum", [p(1.0)], temporality=1, monotonic=True),
                              m("delta.h", "histogram", [p(count=1)], temporality=1),
                              m("delta.e", "exponentialHistogram", [p(count=1, zeroCount=1)],
                                temporality=1))),
            ("temporality 7", request(m("seven", "sum", [p(1.0)], temporality=7))),
            ("name", request(m("...", "gauge", [p(1.0)]), m("", "sum", [p(1.0)], monotonic=True))),
            ("scale", request(m("scale", "exponentialHistogram", [p(scale=-5)]))),
            ("buckets", request(m("buckets", "exponentialHistogram", [p(count=3)]))),
            ("bounds", request(m("bounds", "histogram", [
                p(count=2, bucketCounts=[1, 1, 0], explicitBounds=[2.0, 1.0])]))),
            ("more counts than bounds", request(m("more", "histogram", [
                p(count=6, bucketCounts=[1, 2, 3], explicitBounds=[1.0])]))),
            ("zero count", request(m("zero", "exponentialHistogram", [p(count=0, sum=1.5)]))),
            ("exemplar", request(m("exemplar", "sum", [
                p(1.0, exemplars=[{"timeUnixNano": ns(self.now)}])]))),
            ("exemplar of a gauge", request(m("exemplar.gauge", "gauge", [
                p(1.0, exemplars=[{"timeUnixNano": ns(self.now)}])]))),
            ("future", request(m("future", "gauge", [p(1.0, 700)]))),
            ("past", request(m("past", "gauge", [p(1.0, -7200)]))),
            ("out of order", request(m("order", "gauge", [p(1.0, 5)])),),
            ("out of order 2", request(m("order", "gauge", [p(2.0, 4)]))),
            ("duplicate", request(m("order", "gauge", [p(3.5, 5)]), m("fine", "gauge", [p(1.0)]),
                                  m("order", "gauge", [p(4.0, 701)]), m("n", "gauge", []))),
            ("equal again", request(m("order", "gauge", [p(1.0, 5)]))),
        ]

    def deltas(self):
        """[[request]] in the order in which they are to be sent."""
        p, m = self.point, self.metric

        def delta(*points, kind="sum", name="d", monotonic=True):
            return request(m(name, kind, list(points), temporality=1,
                             monotonic=monotonic if kind == "sum" else None),
                           resource=attributes(service_name="delta", host_name="h"))
        start = {"startTimeUnixNano": ns(self.now - 60)}
        return [
            delta(p(5, **start), p(1.5, labels=attributes(k="v"), **start)),
            delta(p(3, 1, **start), p(2.5, 1, labels=attributes(k="v"), **start)),
            delta(p(100, 0.5, **start)),
            delta(p(100, 2, startTimeUnixNano=ns(self.now - 120))),
            delta(p(0.5, 3, **start)),
            delta(p(count=3, sum=2.0, bucketCounts=[1, 2], explicitBounds=[1.0], **start),
                  kind="histogram", name="h"),
            delta(p(after=1, count=4, sum=0.5, bucketCounts=[4, 0], explicitBounds=[1.0], **start),
                  kind="histogram", name="h"),
            delta(p(after=2, count=4, bucketCounts=[4, 0], explicitBounds=[1.0], **start),
                  kind="histogram", name="h"),
            delta(p(after=3, count=4, sum=9.0, bucketCounts=[4, 0], explicitBounds=[2.0], **start),
                  kind="histogram", name="h"),
            delta(p(count=4, sum=1.0, scale=2, zeroCount=1,
                    positive={"offset": -3, "bucketCounts": [1, 0, 2]}, **start),
                  kind="exponentialHistogram", name="e"),
            delta(p(after=1, count=5, sum=1.0, scale=1, zeroCount=1,
                    positive={"offset": 3, "bucketCounts": [0, 4]}, **start),
                  kind="exponentialHistogram", name="e"),
            delta(p(after=2, count=401, sum=1.0, scale=2, zeroCount=1,
                    positive={"offset": -200, "bucketCounts": [1] * 400}, **start),
                  kind="exponentialHistogram", name="e"),
            delta(p(after=3, count=3, sum=1.0, scale=0, zeroCount=1, zeroThreshold=2.0,
                    positive={"offset": 5, "bucketCounts": [2]}, **start),
                  kind="exponentialHistogram", name="e"),
            delta(p(-7), monotonic=False, name="up.down"),
            delta(p(3, 1), monotonic=False, name="up.down"),
        ]
