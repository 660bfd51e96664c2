"""Answers of the API that must be those of a real Prometheus 3.14 on the same data and flags."""
import itertools
import json
import pathlib
import subprocess
import time
import unittest
import urllib.parse

from harness import scrape_config, wait_for
from parity import ParityTest, Real, ask, data

# In order of names and values: from what is in memory, upstream gives the first ones that it met.
PAGE = """# TYPE Go_goroutines gauge
Go_goroutines 9
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="+Inf"} 2
http_request_duration_seconds_bucket{le="0.1"} 1
http_request_duration_seconds_count 2
http_request_duration_seconds_sum 3
# HELP http_requests_total Requests <so far> & "more".
# TYPE http_requests_total counter
http_requests_total{path="/api/v1/Query_Range",method="POST"} 2.5
http_requests_total{path="/api/v1/query",method="GET"} 5
http_requests_total{path="/grüße/ÄÖÜ",method="get"} 1
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 7
untyped_thing 1
"""

# Series of blocks, so that searches meet more than one part of storage.
BLOCK_BEGIN = 1_700_000_000
BLOCK_NAMES = ["node_cpu_seconds_total", "node_memory_MemFree_bytes", "node_memory_Cached_bytes",
               "kube_pod_info", "kube_pod_labels", "KUBE_node_info", "apiserver_request_total",
               "a", "ab", "abc", "aabbcc", "abcabc", "cab", "prometheus_http_requests_total"]

RELABELLING = """    relabel_configs:
      - {source_labels: [__address__], regex: '(.*):([0-9]+)', target_label: port, replacement: $2}
      - {source_labels: [a, b], separator: '-', target_label: ab}
      - {action: labelmap, regex: __meta_(.+)}
      - {action: hashmod, source_labels: [port], target_label: m, modulus: 8}
      - {action: lowercase, source_labels: [name], target_label: name}
      - {action: labeldrop, regex: 'x|y'}
      - {action: keepequal, source_labels: [a], target_label: b}
      - {action: drop, source_labels: [port], regex: '1'}
"""

FEATURE_SETS = [
    "",
    "search-api,exemplar-storage,promql-experimental-functions",
    "concurrent-rule-eval,created-timestamp-zero-ingestion,delayed-compaction,histograms-st-encoding,"
    "metadata-wal-records,promql-binop-fill-modifiers,promql-delayed-name-removal",
    "promql-extended-range-selectors,promql-per-step-stats,st-storage,xor2-encoding,st-synthesis,"
    "type-and-unit-labels,use-start-timestamps,use-uncached-io,auto-reload-config",
]


class FeaturesTest(ParityTest):
    def expect_same(self, *flags):
        config = scrape_config(("page", "127.0.0.1:1"))
        real, ours = (data(port, "features") for port in self.both(config, *flags))
        providers = ours.pop("service_discovery_providers")
        self.assertLessEqual({"file", "http", "static"}, set(providers))
        real.pop("service_discovery_providers")  # What the peer was built with.
        self.assertEqual(list(real), list(ours))
        for category, features in real.items():
            self.assertEqual(features, ours[category], category)

    def test_features(self):
        for names in FEATURE_SETS:
            with self.subTest(names):
                self.expect_same(*([f"--enable-feature={names}"] if names else []))
                self.doCleanups()
                self.setUp()

    def test_flags(self):
        self.expect_same("--web.enable-admin-api", "--web.enable-lifecycle",
                         "--web.enable-remote-write-receiver", "--config.auto-reload")


def search_requests(begin, end):
    """Searches of every kind over that time, good and bad."""
    searches = [[], [""], ["node"], ["abc"], ["ReQ"], ["kpi"], ["total", "info"], ["ä"], ["tot", "", "zzz"],
                ["q" * 300], ["_"]]
    algorithms = [{}, {"fuzz_alg": "jarowinkler"}, {"fuzz_threshold": 70},
                  {"fuzz_alg": "jarowinkler", "fuzz_threshold": 60},
                  {"fuzz_alg": "subsequence", "fuzz_threshold": 20, "case_sensitive": "false"},
                  {"fuzz_alg": "jarowinkler", "fuzz_threshold": 45, "case_sensitive": "0"}]
    orders = [{}, {"sort_by": "alpha", "sort_dir": "dsc"}, {"sort_by": "score"}]
    window = {"start": begin, "end": end, "include_score": "true"}
    for terms, algorithm, order in itertools.product(searches, algorithms, orders):
        if order.get("sort_by") == "score" and not any(terms) and terms:
            continue  # Upstream's order is random when nothing is looked for.
        query = window | algorithm | order | {"search[]": terms}
        yield "metric_names", query
        yield "label_values", query | {"label": "path", "limit": 3}
    for query in [{"limit": 1}, {"limit": 3, "batch_size": 2}, {"batch_size": 1}, {"limit": 10000},
                  {"match[]": ["kube_pod_info", "{__name__=~\"node.*\"}"]},
                  {"match[]": ["{__name__=~\".+\"}", "a"], "sort_by": "alpha", "sort_dir": "dsc"},
                  {"match[]": "nothing"}, {"search[]": "e", "sort_by": "score", "limit": 2},
                  {"search[]": "e", "sort_by": "alpha"}, {"include_score": "F"}]:
        for endpoint in ("metric_names", "label_names"):
            yield endpoint, window | query
        yield "label_values", window | query | {"label": "path"}
    yield "label_values", window | {"label": "no such label"}
    yield "label_values", window | {"label": "__name__", "search[]": "_"}
    yield "metric_names", window | {"include_metadata": "true"}
    yield "metric_names", window | {"include_metadata": "maybe"}


BAD_SEARCHES = [
    {"start": "x"}, {"end": "1e"}, {"start": 5, "end": 4}, {"match[]": "{"}, {"match[]": "{a=\"\"}"},
    {"search[]": ["x"] * 33}, {"fuzz_threshold": -1}, {"fuzz_threshold": 101}, {"fuzz_threshold": "1.5"},
    {"fuzz_alg": "Levenshtein"}, {"case_sensitive": "yes"}, {"include_score": "2"},
    {"sort_dir": "asc"}, {"sort_dir": "asc", "sort_by": "score"}, {"sort_dir": "up", "sort_by": "alpha"},
    {"sort_by": "score"}, {"sort_by": "size"}, {"sort_by": "size", "sort_dir": "dsc"}, {"limit": 0},
    {"limit": "x"}, {"limit": 10001}, {"limit": "9" * 30}, {"batch_size": 0}, {"batch_size": "-3"},
    {"limit": "+5"}, {"fuzz_threshold": "+5", "search[]": "a"}]


class SearchTest(ParityTest):
    def add_blocks(self, folder):
        """Two blocks of an hour each, with some names in both."""
        for block in range(2):
            begin = BLOCK_BEGIN + block * 7200
            lines = []
            for i, name in enumerate(BLOCK_NAMES):
                if i % 3 == block:
                    continue
                lines.append(f"# TYPE {name} gauge")
                lines += [f'{name}{{path="/{name[::-1]}/{k}",Zone="z{k}"}} {k} {begin + 60 * k}'
                          for k in range(3)]
            text = pathlib.Path(self.folder) / f"block{block}.txt"
            text.write_text("\n".join(lines) + "\n# EOF\n")
            subprocess.run([self.find("promtool"), "tsdb", "create-blocks-from", "openmetrics",
                            str(text), str(folder)], check=True, capture_output=True)

    def test_search(self):
        config = scrape_config(("page", self.page(PAGE).address))
        ports = self.both(config, "--enable-feature=search-api",
                          "--storage.tsdb.retention.time=10y", prepare=self.add_blocks)
        for port in ports:
            wait_for("a scrape", lambda port=port: data(port, "query?query=up")["result"])
        now = int(time.time())
        requests = []
        for begin, end in ((BLOCK_BEGIN, BLOCK_BEGIN + 14400), (now - 600, now + 600),
                           (BLOCK_BEGIN, now + 600)):
            for endpoint, query in search_requests(begin, end):
                form = urllib.parse.urlencode(query, doseq=True)
                if len(requests) % 5 == 0:
                    requests.append(("POST", f"/api/v1/search/{endpoint}", form))
                else:
                    requests.append(("GET", f"/api/v1/search/{endpoint}?{form}"))
        # An instant with samples: where there is nothing, upstream panics.
        for endpoint in ("metric_names", "label_names", "label_values"):
            requests.append(("GET", f"/api/v1/search/{endpoint}?label=path&start={BLOCK_BEGIN}"
                             f"&end={BLOCK_BEGIN}"))
        for query in BAD_SEARCHES:
            for endpoint in ("metric_names", "label_names", "label_values"):
                form = urllib.parse.urlencode(query, doseq=True)
                requests.append(("GET", f"/api/v1/search/{endpoint}?{form}"))
        requests += [("GET", "/api/v1/search/label_names?a=%zz"),
                     ("GET", "/api/v1/search/label_names?a;b"),
                     ("POST", "/api/v1/search/label_names?x=%", "a=%1"),
                     ("PUT", "/api/v1/search/label_names", ""),
                     ("GET", "/api/v1/search/other")]
        self.assertGreater(len(requests), 500)
        self.same(ports, requests)

    def test_limits_of_the_flag(self):
        config = scrape_config(("page", self.page(PAGE).address))
        ports = self.both(config, "--enable-feature=search-api", "--web.search.max-limit=2")
        for port in ports:
            wait_for("a scrape", lambda port=port: data(port, "query?query=up")["result"])
        self.same(ports, [("GET", f"/api/v1/search/metric_names?{query}")
                          for query in ("", "limit=2", "limit=3", "limit=1&batch_size=7")])

    def test_off(self):
        ports = self.both("global: {}\n")
        self.same(ports, [("GET", "/api/v1/search/metric_names?limit=x"),
                          ("POST", "/api/v1/search/label_values", "")])


COUNTED = """# TYPE c_total counter
c_total {0}
# TYPE h histogram
h_bucket{{le="1"}} {0}
h_bucket{{le="+Inf"}} {0}
h_sum {0}
h_count {0}
# TYPE g gauge
g {0}
# TYPE s summary
s_sum {0}
s_count {0}
"""


class SynthesisTest(ParityTest):
    def steps(self, port):
        """{series: its values without repetitions}"""
        found = {}
        for series in data(port, "query?query=" + urllib.parse.quote('{job="page"}[5m]'))["result"]:
            values = [v for _, v in series["values"]]
            found[json.dumps(series["metric"], sort_keys=True)] = [
                v for i, v in enumerate(values) if i == 0 or v != values[i - 1]]
        return {key: v for key, v in found.items() if "scrape_duration" not in key}

    def test_starts_that_nobody_tells(self):
        page = self.page(COUNTED.format(100))
        ports = self.both(scrape_config(("page", page.address)), "--enable-feature=st-synthesis")
        for value, counted in ((100, "0"), (105, "5"), (3, "3"), (4, "4")):
            page.body = COUNTED.format(value)
            for port in ports:
                wait_for(f"{counted} counted", lambda port=port, counted=counted: [
                    v for key, v in self.steps(port).items() if '"c_total"' in key][0][-1] == counted)
        real, ours = (self.steps(port) for port in ports)
        self.assertEqual(real, ours)
        counter = next(v for key, v in ours.items() if '"c_total"' in key)
        self.assertEqual(["0", "5", "3", "4"], counter)


LABELS_JSON = [
    '{"__address__":"h:12","a":"1","b":"1","__meta_x":"y<&>"}', '{"__address__":"h:1"}', "{}", "null",
    '{"a":null}', '{"a":"1","a":"2"}', '{"b":"","c":"d"}', '{"\\u0061":"\\ud83d\\ude00\\ud83d"}',
    '{"name":"ÄB","x":"1","y":"2"}', "[]", '{"a":1}', "{", '{"a":"b"}x', '"s"', '{"a":{}}', '{"a"}',
    "{a:1}", '{"a":"b",}', "tru", '{"a":"b', '{"a" "b"}', "[", "1e", "-", "1.", "01", '{"a":true}',
    '{"a":[1]}', '"x', '{"a":"\\x"}', '{"a":1,"b":', '{"a":"\\u12"}', "[1,]", '{"a":"b" "c":"d"}',
    "[1 2]", "nul", '{"a":"\t"}', ""]


class TargetsTest(ParityTest):
    def test_relabel_steps(self):
        config = scrape_config(("page", self.page(PAGE).address)) + RELABELLING
        ports = self.both(config)
        for port in ports:
            wait_for("the pool", lambda port=port: "page" in data(port, "scrape_pools")["scrapePools"])
        requests = [("GET", "/api/v1/targets/relabel_steps?" +
                     urllib.parse.urlencode({"scrapePool": pool, "labels": labels}))
                    for labels in LABELS_JSON for pool in ("page", "none", "")]
        self.same(ports, requests)


def operations(yaml_text):
    """{(path, method): (tags, id, parameters, form)} of an OpenAPI document."""
    import yaml
    document = yaml.safe_load(yaml_text)
    schemas = document["components"]["schemas"]
    found = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            parameters = sorted((p["name"], p["in"], p["required"])
                                for p in operation.get("parameters", []))
            form = None
            if "requestBody" in operation:
                body = operation["requestBody"]["content"]
                schema = body.get("application/x-www-form-urlencoded", {}).get("schema", {})
                if "$ref" in schema:
                    schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
                form = sorted(schema.get("properties", [])), sorted(schema.get("required") or [])
            found[path, method] = operation["tags"], operation["operationId"], parameters, form
    return document["openapi"], [t["name"] for t in document["tags"]], found


class StatusTest(ParityTest):
    def test_openapi(self):
        try:
            import yaml  # noqa: F401
        except ImportError:
            self.skipTest("no YAML for Python")
        ports = self.both("global: {}\n")
        for query in ("", "?openapi_version=3.1", "?openapi_version=3.2", "?openapi_version=9"):
            with self.subTest(query):
                real, ours = (ask(port, "GET", "/api/v1/openapi.yaml" + query) for port in ports)
                self.assertEqual(real[:2], ours[:2])
                self.assertEqual(operations(real[2]), operations(ours[2]))

    def test_keys(self):
        """The names in answers whose values can't be the same."""
        ports = self.both(scrape_config(("page", self.page(PAGE).address)))
        for path in ("status/runtimeinfo", "status/buildinfo", "status/tsdb", "status/tsdb/blocks",
                     "status/walreplay"):
            with self.subTest(path):
                real, ours = (data(port, path) for port in ports)
                self.assertEqual(list(real), list(ours))

    def test_self_metrics(self):
        ports = self.both(scrape_config(("page", self.page(PAGE).address)))
        names = "prometheus_(ready|target_scrape_pools_total|engine_queries|tsdb_head_series)"
        real, ours = (data(port, f"status/self_metrics?metric_name_pattern={names}") for port in ports)
        self.assertEqual([(f["name"], f["type"]) for f in real], [(f["name"], f["type"]) for f in ours])
        self.assertEqual(next(f for f in real if f["name"] == "prometheus_ready")["metric"],
                         next(f for f in ours if f["name"] == "prometheus_ready")["metric"])
        every = {f["name"]: f for f in data(ports[1], "status/self_metrics")}
        for name, family in ((f["name"], f) for f in data(ports[0], "status/self_metrics")):
            if name in every:
                self.assertEqual(family["type"], every[name]["type"], name)

    def test_notifications(self):
        """A reload that failed is told with its time, until one is good."""
        config = "global: {}\n"
        real = Real(self, config, "--web.enable-lifecycle").start()
        ours = self.start(config, "--web.enable-lifecycle")
        for port, file in ((real.port, real.config), (ours.port, ours.config)):
            with self.subTest(port):
                self.assertEqual([], data(port, "notifications"))
                file.write_text("global: [\n")
                self.assertEqual(500, ask(port, "POST", "/-/reload", "")[0])
                first = data(port, "notifications")
                self.assertEqual([("Configuration reload has failed.", True)],
                                 [(n["text"], n["active"]) for n in first])
                self.assertEqual(first, data(port, "notifications"))
                self.assertEqual(500, ask(port, "POST", "/-/reload", "")[0])
                self.assertLess(first[0]["date"], data(port, "notifications")[0]["date"])
                file.write_text(config)
                self.assertEqual(200, ask(port, "POST", "/-/reload", "")[0])
                self.assertEqual([], data(port, "notifications"))


if __name__ == "__main__":
    unittest.main()
