"""What Grafana's Prometheus data source asks, one request after the other: the answers must be those of
a real Prometheus with the same samples. A program is looked for as test_peers.py does it.
"""
import gzip
import http.client
import json
import re
import time
import unittest
import urllib.parse

from harness import wait_for
from test_peers import PeerTest, get, release
from test_remote import exemplar, histogram, series, snappy

RULES = """groups:
  - name: latency
    interval: 1s
    rules:
      - {record: "job:http_requests:sum", expr: "sum by (job) (http_requests_total)"}
      - alert: Always
        expr: vector(7) > 1
        labels: {severity: page}
        annotations: {summary: "It is {{ $value }}", runbook: "https://x.example/<a>&b"}
      - {alert: Never, expr: "vector(1) > 2", for: 5m}
"""
# Nothing is written by the servers themselves but by these rules.
CONFIG = "global: {evaluation_interval: 1s, external_labels: {region: eu}}\nrule_files: [rules.yml]\n"
FLAGS = ["--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage,native-histograms",
         "--storage.tsdb.retention.time=10y"]

STEP = 15  # Seconds between samples …
COUNT = 241  # … of which there is an hour.
# What only the clock decides.
MASKED = {"lastEvaluation", "evaluationTime", "activeAt", "file"}
HEADERS = {"User-Agent": "Grafana/12.1.0", "Accept-Encoding": "gzip", "X-Panel-Id": "2",
           "X-Dashboard-Uid": "abc", "X-Grafana-From-Expr": "false", "X-Datasource-Uid": "p"}


def samples_of(end):
    """A write request with what dashboards look at, the last samples at `end` seconds."""
    times = [(end - STEP * (COUNT - 1 - i)) * 1000 for i in range(COUNT)]
    body = b""
    for job, instance in (("api", "a:1"), ("api", "b:1"), ("web", "c<&>:1")):
        for code in ("200", "500"):
            rate = ord(instance[0]) * (5 if code == "200" else 0.25)
            body += series({"__name__": "http_requests_total", "code": code, "instance": instance,
                            "job": job}, [(t, (i % 100 + 1) * rate) for i, t in enumerate(times)],
                           exemplar(times[-3], 0.25))
        for le, part in (("+Inf", 1.0), ("0.1", 0.5), ("1", 0.75)):
            body += series({"__name__": "latency_seconds_bucket", "instance": instance, "job": job,
                            "le": le}, [(t, i * 8 * part) for i, t in enumerate(times)])
        body += series({"__name__": "up", "instance": instance, "job": job},
                       [(t, float(i % 7 != 3)) for i, t in enumerate(times)])
    body += series({"__name__": "native_seconds", "job": "api"}, [],
                   *(histogram(t, 3 * i + 1) for i, t in enumerate(times)))
    body += series({"__name__": "odd.name", "a.label": "grüße", "job": "api"},
                   [(times[-1], float("nan")), (times[-2], 1e21), (times[-3], -1e-7)][::-1])
    return body


def requests_of(end):
    """(method, path, parameters), in the order in which somebody works through Grafana."""
    start = end - 3600
    window = {"start": start, "end": end}
    yield "GET", "status/buildinfo", {}
    # "Save & test".
    yield "POST", "query", {"query": "1+1", "time": 4}
    yield "GET", "query", {"query": "1+1", "time": 4}
    # The editor's lists.
    yield "GET", "metadata", {}
    yield "GET", "metadata", {"limit": 5000, "limit_per_metric": 1}
    for method in ("POST", "GET"):
        yield method, "labels", window
        yield method, "labels", window | {"limit": 40000, "match[]": '{__name__=~".*http.*"}'}
        yield method, "series", window | {"match[]": "http_requests_total", "limit": 40000}
        yield method, "series", window | {"match[]": ["up", '{"odd.name"}'], "limit": 3}
    yield "GET", "label/__name__/values", window
    yield "GET", "label/instance/values", window | {"match[]": 'up{job=~"api|web"}', "limit": 40000}
    yield "GET", "label/U__a_2e_label/values", window | {"match[]": '{"odd.name"}'}
    yield "GET", "label/a.label/values", window
    yield "GET", "label/nothing/values", window
    yield "GET", "label/job/values", {"start": end - 10 * 86400, "end": end - 9 * 86400}
    yield "POST", "parse_query", {"query": 'sum(rate(http_requests_total{job="api"}[5m]))'}
    yield "POST", "format_query", {"query": 'sum(rate(http_requests_total{job="api"}[5m]))by(job)'}
    # Panels.
    expressions = [
        "up", 'sum by (job, code) (rate(http_requests_total{instance=~"a:1|b:1"}[1m0s]))',
        'histogram_quantile(0.9, sum by (le) (rate(latency_seconds_bucket{job="api"}[5m])))',
        "histogram_quantile(0.99, rate(native_seconds[2m]))", "rate(native_seconds[2m])",
        '{"odd.name"}', "topk(2, http_requests_total)", "count_values(\"v\", up)", "time()", "vector(1)",
        'label_replace(up, "x", "$1-<>", "instance", "(.*):.*")', "absent(nothing)", "nothing", "-up", "up > 2",
        "max_over_time(sum(up)[10m:30s])", "http_requests_total offset 5m", '"text"', "1/0",
        "avg_over_time(up[5m]) unless on (job) up{job=\"web\"}", "sort_desc(sum by (instance) (up))",
        "job:http_requests:sum and nothing"]
    for expr in expressions:
        for step in (STEP, 0.5, 60.25):
            span = window if step >= STEP else {"start": end - 30.125, "end": end}
            yield "POST", "query_range", {"query": expr, "step": step} | span
        yield "GET", "query_range", {"query": expr, "step": "1m"} | window
        yield "POST", "query", {"query": expr, "time": end}
        yield "GET", "query", {"query": expr, "time": end - 0.75, "timeout": "20s"}
    for method in ("POST", "GET"):
        yield method, "query_exemplars", {"query": "rate(http_requests_total[5m])"} | window
        yield method, "query_exemplars", {"query": "nothing"} | window
    # What goes wrong.
    for expr in ("sum(", "rate(up)", "up{", "", "foo(up)", "up @", "sum by (job) (up) + up[5m]",
                 "1 + on(a) 2"):
        yield "POST", "query", {"query": expr, "time": end}
        yield "POST", "query_range", {"query": expr, "step": STEP} | window
    yield "POST", "query_range", {"query": "up", "step": 0.1} | window
    yield "POST", "query_range", {"query": "up", "step": 0} | window
    yield "POST", "query_range", {"query": "up", "step": STEP, "start": end, "end": start}
    yield "POST", "series", {}
    yield "POST", "label/job/values", window  # 405: asked again with GET.
    # Alerting.
    yield "GET", "rules", {}
    yield "GET", "rules", {"type": "alert"}
    yield "GET", "alerts", {}
    yield "GET", "alertmanagers", {}


def differs_before_314(path, parameters):
    """Whether older releases answer this otherwise."""
    return path in ("parse_query", "rules") or (
        path == "query_range" and re.search("native|sort_desc", parameters["query"]))


def masked(value):
    if isinstance(value, dict):
        return {key: "…" if key in MASKED else masked(one) for key, one in value.items()}
    return [masked(one) for one in value] if isinstance(value, list) else value


def ask(address, method, path, parameters):
    """@return what has to be the same: status, headers, body"""
    form = urllib.parse.urlencode(parameters, doseq=True)
    target, body, headers = f"/api/v1/{path}", None, dict(HEADERS)
    if method == "POST":
        body = form
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif form:
        target += "?" + form
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.headers["Content-Encoding"] == "gzip":
        text = gzip.decompress(text)
    if answer.headers["Content-Type"] == "application/json":
        text = masked(json.loads(text))
        if path == "status/buildinfo":
            text["data"] = sorted(text["data"])  # No "features": that would be Mimir.
        unordered = text.get("data") if path == "series" else None
        if path == "query" and text["status"] == "success" and text["data"]["resultType"] == "vector" \
                and not re.match("sort|topk", parameters["query"]):
            unordered = text["data"]["result"]
        if unordered is not None:
            unordered.sort(key=json.dumps)
    return (answer.status, answer.headers["Content-Type"], answer.headers["Content-Encoding"],
            answer.headers["Allow"], text)


class GrafanaTest(PeerTest):
    def start_both(self):
        self.file("rules.yml", RULES)
        peer = self.prometheus(CONFIG, *FLAGS)
        server = self.start(CONFIG, *FLAGS)
        return peer, f"127.0.0.1:{server.port}"

    def write(self, address, body):
        connection = http.client.HTTPConnection(address, timeout=30)
        connection.request("POST", "/api/v1/write", snappy(body), {
            "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        self.assertEqual(204, answer.status, answer.read())
        connection.close()

    def test_the_requests_of_a_data_source(self):
        addresses = self.start_both()
        end = int(time.time())
        for address in addresses:
            self.write(address, samples_of(end))
        for address in addresses:
            # All rules evaluated, and a sample of the recorded series there.
            wait_for("the rules", lambda address=address: "unknown" not in [
                rule["health"] for group in json.loads(get(address, "/api/v1/rules"))["data"]["groups"]
                for rule in group["rules"]])
            wait_for("the recorded series", lambda address=address: json.loads(get(
                address, "/api/v1/query", query="job:http_requests:sum"))["data"]["result"])
        old = release(self.find("prometheus")) < (3, 14)
        asked, wrong = 0, []
        for method, path, parameters in requests_of(end):
            if old and differs_before_314(path, parameters):
                continue
            theirs, ours = (ask(address, method, path, parameters) for address in addresses)
            asked += 1
            if theirs != ours:
                wrong.append(f"{method} {path} {parameters}\n  theirs {theirs}\n  ours   {ours}")
        self.assertGreater(asked, 150)
        if wrong:
            self.fail(f"{len(wrong)} of {asked} differ:\n" + "\n".join(text[:2000] for text in wrong))


if __name__ == "__main__":
    unittest.main()
