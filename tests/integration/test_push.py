"""Pushes and line protocol, side by side with the programs whose protocols they are: the Pushgateway, npm's
prom-client, VictoriaMetrics, InfluxDB. A program that is not there skips its tests.
"""
import base64
import gzip
import http.client
import json
import pathlib
import re
import shutil
import subprocess
import time
import urllib.parse

from harness import free_port, wait_for
from test_lock import HASH
from test_peers import PeerTest

TYPES = """# HELP c_total A \\\\ counter\\nof two lines with "quotes".
# TYPE c_total counter
c_total{a="x\\"\\\\\\n",b=""} 1.5
c_total 1e6
# TYPE g gauge
g -0
g{z="é"} NaN
plain{instance="own"} +Inf
# HELP h Buckets.
# TYPE h histogram
h_bucket{le="0.1"} 1
h_bucket{le="5"} 2.5
h_sum 12.75
h_count 3
# TYPE s summary
s{quantile="0.5",l="1"} 0.000001
s_sum{l="1"} 1e21
s_count{l="1"} 17
s_count{l="2"} 1
"""


def varint(n):
    out = b""
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def label(name, value):
    return field(1, field(1, name) + field(2, value))


def family(name, kind, *metrics):
    message = field(1, name) + field(2, b"help") + bytes([0x18, kind])
    for metric in metrics:
        message += field(4, metric)
    return varint(len(message)) + message


PROTOBUF = {"Content-Type": "application/vnd.google.protobuf; encoding=delimited; "
                            "proto=io.prometheus.client.MetricFamily"}
ONE = b"\x09\x00\x00\x00\x00\x00\x00\xf0\x3f"  # Field 1: the double 1.
GAUGE = family(b"pg", 1, label(b"a", b"b") + field(2, ONE), field(2, ONE))
NATIVE = family(b"nh", 4, field(7, b"\x08\x05" + b"\x11" + ONE[1:] + b"\x28\x04" + b"\x31" + ONE[1:] +
                                field(12, b"\x08\x00\x10\x01") + b"\x68\x0a"))

# Which of two metrics that contradict each other the real one complains of is by chance.
EITHER = {"# TYPE plain counter\nplain 3\n", "h_count 1\n"}
# (method, path, body, headers); those after each other see what the ones before left.
CASES = [
    ("PUT", "/metrics/job/a", "x 1\n", {}),
    ("PUT", "/metrics/job/a", TYPES, {}),
    ("POST", "/metrics/job/a", "g{z=\"1\"} 3\nnew 4\n", {}),
    ("PUT", "/metrics/job/a/instance/i", "plain 2\n", {}),
    ("POST", "/metrics/job/b", "# HELP plain Another help\nplain 3\n", {}),
    ("PUT", "/metrics/job/b", "# TYPE plain counter\nplain 3\n", {}),
    ("POST", "/metrics/job/b", "x 1 1700000000000\n", {}),
    ("POST", "/metrics/job/b", "x 1\nx 1\n", {}),
    ("POST", "/metrics/job/b", "x 1", {}),
    ("POST", "/metrics/job/b", "x 1 \n", {}),
    ("POST", "/metrics/job/b", "x\n", {}),
    ("POST", "/metrics/job/b", "x 1\r\n", {}),
    ("POST", "/metrics/job/b", "x 1e999\n", {}),
    ("POST", "/metrics/job/b", "x 0x10\n", {}),
    ("POST", "/metrics/job/b", "x{a=\"1\",a=\"2\"} 1\n", {}),
    ("POST", "/metrics/job/b", "x{__a=\"1\"} 1\n", {}),
    ("POST", "/metrics/job/b", "x{a.b=\"1\"} 1\n", {}),
    ("POST", "/metrics/job/b", "{\"x.y\"} 1\n", {}),
    ("POST", "/metrics/job/b", "{\"xy\",a=\"b\"} 1\n", {}),
    ("POST", "/metrics/job/b", "# TYPE x gauge\n# TYPE x gauge\nx 1\n", {}),
    ("POST", "/metrics/job/b", "x 1\n# TYPE x gauge\n", {}),
    ("POST", "/metrics/job/b", "# TYPE x what\nx 1\n", {}),
    ("POST", "/metrics/job/b", "# HELP x \\q\nx 1\n", {}),
    ("POST", "/metrics/job/b", "h_count 1\n", {}),
    ("POST", "/metrics/job/b", "# TYPE q summary\nq{quantile=\"0.9\"} 1\nq_bucket 7\n", {}),
    ("POST", "/metrics/job/b", "# TYPE k histogram\nk_bucket{le=\"1\"} -1\nk_count -2\n", {}),
    ("POST", "/metrics/job/b", "# TYPE k histogram\nk_count -1.5\n", {}),
    ("POST", "/metrics/job/b", "# TYPE m gaugehistogram\nm_bucket{le=\"+Inf\"} 3\n", {}),
    ("POST", "/metrics/job/b", "  \t spaced  \t{ a = \"b\" , }  5\n# comment\n\n", {}),
    ("POST", "/metrics/job/b", "# TYPE onlytype counter\n", {}),
    ("PUT", "/metrics/job/b", "", {}),
    ("PUT", "/metrics/job/b/", "x 7\n", {}),
    ("PUT", "/metrics/job/b/l/", "x 8\n", {}),
    ("PUT", "/metrics/job/b/l@base64/=", "x 9\n", {}),
    ("PUT", "/metrics/job/b/l@base64/Lw", "x 10\n", {}),
    ("PUT", "/metrics/job@base64/Yi9j", "x 11\n", {}),
    ("PUT", "/metrics/job@base64/Yi9j==/l/%C3%A9%20", "x 12\n", {}),
    ("PUT", "/metrics/job/b/job/other", "x 13\n", {}),
    ("PUT", "/metrics/job/b/m/1/m/2", "x 14\n", {}),
    ("PUT", "/metrics/job/b/l", "x 1\n", {}),
    ("PUT", "/metrics/job/b/__l/v", "x 1\n", {}),
    ("PUT", "/metrics/job/b/l-m/v", "x 1\n", {}),
    ("PUT", "/metrics/job@base64/=", "x 1\n", {}),
    ("PUT", "/metrics/job@base64/YWJj!", "x 1\n", {}),
    ("PUT", "/metrics/job/b/l@base64/Y!", "x 1\n", {}),
    ("PUT", "/metrics/job/b%2Fc", "x 1\n", {}),
    ("PUT", "/metrics/job", "x 1\n", {}),
    ("PATCH", "/metrics/job/b", "x 1\n", {}),
    ("GET", "/metrics/job/b", None, {}),
    ("PUT", "/metrics/job/z", gzip.compress(b"zipped 1\n"), {"Content-Encoding": "gzip"}),
    ("PUT", "/metrics/job/z", gzip.compress(b"zipped 1\n")[:-9], {"Content-Encoding": "gzip"}),
    ("PUT", "/metrics/job/z", b"x 1\nlonger than a header of gzip\n", {"Content-Encoding": "gzip"}),
    ("PUT", "/metrics/job/z", b"", {"Content-Encoding": "gzip"}),
    ("PUT", "/metrics/job/p", GAUGE, PROTOBUF),
    ("POST", "/metrics/job/p", NATIVE, PROTOBUF),
    ("POST", "/metrics/job/p", GAUGE[:-2], PROTOBUF),
    ("POST", "/metrics/job/p", family(b"pg", 0, field(2, ONE)), PROTOBUF),
    ("POST", "/metrics/job/p", family(b"pd", 1, label(b"a", b"b") + label(b"a", b"c") + field(2, ONE)),
     PROTOBUF),
    ("POST", "/metrics/job/p", family(b"pu", 1, label(b"a", b"\xff") + field(2, ONE)), PROTOBUF),
    ("POST", "/metrics/job/p", family(b"pn", 1, label(b"a.b", b"c") + field(2, ONE)), PROTOBUF),
    ("POST", "/metrics/job/p", GAUGE, {"Content-Type": "text/plain"}),
    ("POST", "/metrics/job/p", "t 1\n", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("POST", "/metrics/job/p", "push_time_seconds 5\n", {}),
    ("DELETE", "/metrics/job/p", None, {}),
    ("DELETE", "/metrics/job/nosuch", None, {}),
    ("DELETE", "/metrics/job@base64/!", None, {}),
    ("PUT", "/api/v1/admin/wipe", None, {}),
    ("PUT", "/metrics/job/a", "x 1\n", {}),
]
OWN = re.compile(r"(# (HELP|TYPE) )?(go_|process_|pushgateway_|promhttp_)")


def send(address, method, path, body=None, headers=None):
    """@return (status, content type, text)"""
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        data = body.encode() if isinstance(body, str) else body
        connection.request(method, path, data, headers or {})
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read().decode(
            errors="surrogateescape")
    finally:
        connection.close()


def normal_error(text):
    """Go prints messages with one space or two, by chance, and problems in any order."""
    text = re.sub(r" +", " ", text)
    text = re.sub(r"(in error \d+|corrupt input before offset \d+)", "", text)
    return sorted(text.split("\n"))


def pushed(page):
    """The lines of the pushed groups; of times only whether they are set. Where groups differ in a help
    text the real one shows any of them."""
    lines = []
    for line in page.splitlines():
        if OWN.match(line):
            continue
        if line.startswith("# HELP plain"):
            continue
        lines.append(re.sub(r"^(push_(failure_)?time_seconds\{.*\}) [1-9].*", r"\1 set", line))
    return lines


class PushgatewayTest(PeerTest):
    def gateway(self):
        """Ours."""
        server = self.start("global: {}\n", "--web.enable-push-gateway", "--web.enable-admin-api")
        server.address = f"127.0.0.1:{server.port}"
        return server

    def real(self, *flags):
        port = free_port()
        self.peer(self.find("prometheus-pushgateway", since=(1, 11)), f"--web.listen-address=127.0.0.1:{port}",
                  "--web.enable-admin-api", "--persistence.file=", *flags)
        return self.ready(f"127.0.0.1:{port}", "/-/ready")

    def same_page(self, ours, real):
        self.assertEqual(pushed(send(real, "GET", "/metrics")[2]),
                         pushed(send(ours, "GET", "/push/metrics")[2]))

    def test_same_answers_and_the_same_page(self):
        ours, real = self.gateway().address, self.real()
        self.assertGreaterEqual(len(CASES), 40)
        for number, (method, path, body, headers) in enumerate(CASES):
            with self.subTest(f"{number}: {method} {path} {body!r:.60}"):
                expected = send(real, method, path, body, headers)
                got = send(ours, method, path, body, headers)
                self.assertEqual(expected[0], got[0], (expected, got))
                decoder_speaks = "Content-Type" in headers or "Content-Encoding" in headers
                if expected[0] < 400 or not (decoder_speaks or body in EITHER):
                    self.assertEqual(normal_error(expected[2]), normal_error(got[2]))
                self.same_page(ours, real)
        page = send(ours, "GET", "/push/metrics")
        self.assertEqual(send(real, "GET", "/metrics")[1], page[1])

    def test_same_protobuf_page(self):
        ours, real = self.gateway().address, self.real()
        for address in (ours, real):
            self.assertEqual(200, send(address, "PUT", "/metrics/job/p", GAUGE + NATIVE, PROTOBUF)[0])
            self.assertEqual(200, send(address, "PUT", "/metrics/job/t", TYPES)[0])
        accept = {"Accept": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                            "encoding=delimited;q=0.7,text/plain;version=0.0.4;q=0.3"}
        pages = []
        for address, path in ((real, "/metrics"), (ours, "/push/metrics")):
            _, content_type, text = send(address, "GET", path, None, accept)
            body = text.encode(errors="surrogateescape")
            found = {}
            while body:
                size, used, shift = 0, 0, 0
                while True:
                    size |= (body[used] & 0x7f) << shift
                    shift += 7
                    used += 1
                    if body[used - 1] < 0x80:
                        break
                message = body[used:used + size]
                body = body[used + size:]
                name = message[2:2 + message[1]].decode()
                if not OWN.match(name) and not name.startswith("push_"):
                    found[name] = message
            pages.append((content_type, found))
        self.assertEqual(pages[0], pages[1])
        self.assertEqual({"c_total", "g", "h", "s", "plain", "pg", "nh"}, set(pages[1][1]))

    def test_same_groups_as_json(self):
        ours, real = self.gateway().address, self.real()
        self.assertEqual(send(real, "GET", "/api/v1/metrics"), send(ours, "GET", "/api/v1/metrics"))
        found = []
        for address in (real, ours):
            send(address, "PUT", "/metrics/job/t/labels/%3Cb%3E", TYPES)
            send(address, "PUT", "/metrics/job/p", GAUGE, PROTOBUF)
            send(address, "PUT", "/metrics/job/p", "x 1 5\n")
            answer = json.loads(send(address, "GET", "/api/v1/metrics")[2])
            for group in answer["data"]:
                for name, one in group.items():
                    if name not in ("labels", "last_push_successful"):
                        self.assertRegex(one.pop("time_stamp"), "^20..-..-..T")
                    if name.startswith("push_"):
                        one["metrics"][0]["value"] = one["metrics"][0]["value"] != "0"
            answer["data"].sort(key=lambda group: json.dumps(group["labels"]))
            found.append(answer)
        self.assertEqual(found[0], found[1])
        self.assertEqual([False, True], [group["last_push_successful"] for group in found[1]["data"]])

    def test_utf8_names(self):
        real = self.real("--push.enable-utf8-names")
        server = self.start("global: {}\n", "--web.enable-push-gateway", "--push.enable-utf8-names")
        ours = f"127.0.0.1:{server.port}"
        for path, body in (("/metrics/job/a", "{\"x.y\",\"l m\"=\"v\"} 1\n# HELP \"x.y\" é\n"),
                           ("/metrics/job/a/U__l_2e_m/v", "# TYPE \"é\" gauge\n{\"é\"} 1\n"),
                           ("/metrics/job/a/U__l_2/x", "x 1\n"),
                           ("/metrics/job/a/U____/y", "x 1\n"),
                           ("/metrics/job/a/U__under__score/w", "x 1\n"),
                           ("/metrics/job/a", "{\"\"} 1\n"),
                           ("/metrics/job/a", "{a=\"b\"} 1\n")):
            with self.subTest(path + body):
                expected, got = (send(a, "POST", path, body) for a in (real, ours))
                self.assertEqual(expected[0], got[0], (expected, got))
                for scheme in ("allow-utf-8", "underscores", "dots", "values"):
                    accept = {"Accept": f"text/plain;version=0.0.4;escaping={scheme}"}
                    expected = send(real, "GET", "/metrics", None, accept)
                    got = send(ours, "GET", "/push/metrics", None, accept)
                    self.assertEqual(expected[1], got[1])
                    self.assertEqual(pushed(expected[2]), pushed(got[2]))

    def test_prom_client(self):
        if shutil.which("npm") is None or shutil.which("node") is None:
            self.skipTest("no npm")
        folder = pathlib.Path(self.folder) / "npm"
        folder.mkdir()
        (folder / "package.json").write_text("{}")
        installed = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "prom-client"], cwd=folder,
                                   capture_output=True, timeout=120, check=False)
        if installed.returncode != 0:
            self.skipTest("prom-client can't be installed")
        (folder / "push.js").write_text("""
const client = require('prom-client');
const registry = new client.Registry();
new client.Counter({name: 'jobs_total', help: 'Jobs.', labelNames: ['kind'], registers: [registry]})
    .inc({kind: 'a"b'}, 3);
new client.Histogram({name: 'took_seconds', help: 'Time.', buckets: [1, 5], registers: [registry]})
    .observe(2.5);
new client.Summary({name: 'size', help: 'Size.', percentiles: [0.5], registers: [registry]}).observe(7);
(async () => {
  const gateway = new client.Pushgateway(process.argv[2], {}, registry);
  const zipped = new client.Pushgateway(
      process.argv[2], {headers: {'Content-Encoding': 'gzip'}}, registry);
  const out = [];
  const call = async promise => {
    try { out.push((await promise).resp.statusCode); } catch (e) { out.push(e.message); }
  };
  await call(gateway.push({jobName: 'first'}));
  await call(gateway.pushAdd({jobName: 'first', groupings: {shard: '1/2', empty: 'é x'}}));
  await call(zipped.push({jobName: 'zipped'}));
  await call(gateway.push({jobName: 'gone'}));
  await call(gateway.delete({jobName: 'gone'}));
  console.log(JSON.stringify(out));
})();
""")
        ours, real = self.gateway().address, self.real()
        answers = [json.loads(subprocess.run(["node", "push.js", f"http://{address}"], cwd=folder,
                                             capture_output=True, timeout=60, check=True).stdout)
                   for address in (real, ours)]
        self.assertEqual(answers[0], answers[1])
        self.assertEqual([200, 200, 202], [answers[1][0], answers[1][2], answers[1][4]])
        self.same_page(ours, real)

    def test_the_example_is_a_good_configuration(self):
        example = pathlib.Path(__file__).parents[2] / "configs" / "push.yml"
        server = self.start(example.read_text(), "--web.enable-push-gateway")
        self.assertEqual(["push"], server.api("scrape_pools")["scrapePools"])

    def test_pushed_metrics_are_scraped_and_outlive_a_kill(self):
        port = free_port()
        config = ("global: {scrape_interval: 1s}\nscrape_configs:\n"
                  "  - job_name: push\n    honor_labels: true\n    metrics_path: /push/metrics\n"
                  f"    static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n")
        server = self.start(config, "--web.enable-push-gateway", "--push.persistence-interval=100ms",
                            wait=False)
        server.cleanup()
        server.port = port
        server.start()
        self.assertEqual(200, server.request("PUT", "/metrics/job/backup/host/h", b"ok 1\n")[0])
        found = wait_for("the pushed series", lambda: server.query("ok"))
        self.assertEqual({"__name__": "ok", "job": "backup", "host": "h"}, found[0]["metric"])
        wait_for("the file", (server.data / "push_groups").exists)
        server.kill()
        server.start()
        page = server.request("GET", "/push/metrics")[1]
        self.assertIn('ok{host="h",instance="",job="backup"} 1\n', page)
        (server.data / "push_groups").write_bytes(b"garbage")
        server.kill()
        server.start()
        self.assertEqual("", server.request("GET", "/push/metrics")[1])
        self.assertEqual(1, len(list(server.data.glob("push_groups.corrupt-*"))))
        self.assertIn("moved aside", server.log_text())


# Without timestamps; each a body.
LINES = [
    "cpu,host=a value=1",
    "cpu.load,ho\\ st=a\\,b val\\=ue=1i,x=t,y=f",
    "m\\ n,db=mine f=1",
    "a\\\\b,t=c\\\\d f\\\\g=1",
    "a\\b,t\\x=c\\y f\\z=1",
    "uni→,t=é f=1",
    "multi,a=1,b=2 f=1,g=-2.5e-3,h=7i\nmulti,a=2 f=2\n# comment\n\nother f=3",
    "exp f=1e3,g=-1E+2,h=.5",
    "long,t=" + "x" * 1000 + " f=1",
]
# What InfluxDB 1 refuses and later ones take.
NEWER_LINES = ["cpu.unsigned z=3u", "crlf f=2\r\n"]
BAD_LINES = [
    "cpu", "cpu ", "cpu value", "cpu value=", "cpu =1", "cpu,a v=1", "cpu,a= v=1", "cpu,=b v=1",
    "cpu,a=b,a=c v=1", "cpu v=abc", "cpu v=1x", "cpu v=1i2", "cpu v=\"abc", "cpu v=1 abc", "cpu v=NaN",
    "cpu v=Tr", "cpu v=1,", "cpu v=1, w=2", ",a=b v=1", "good v=1\nbad\ngood v=2", "", "# x\n",
    "  cpu v=1", "cpu s=\"a\nb\"",
]


class InfluxTest(PeerTest):
    def receiver(self):
        server = self.start("global: {}\n", "--web.enable-influx-receiver",
                            "--storage.tsdb.min-block-duration=1h")
        server.address = f"127.0.0.1:{server.port}"
        return server

    def test_same_series_as_victoria_metrics(self):
        port = free_port()
        self.peer(self.find("victoria-metrics"), f"-httpListenAddr=127.0.0.1:{port}",
                  f"-storageDataPath={self.folder}/vm")
        peer = self.ready(f"127.0.0.1:{port}", "/health")
        server = self.receiver()
        now = int(time.time())
        for i, body in enumerate(LINES + NEWER_LINES):
            stamped = "\n".join(f"{line.rstrip()} {now}000000000" if line and line[0] != "#" else line
                                for line in body.split("\n"))
            for address in (peer, server.address):
                status = send(address, "POST", f"/write?db=d{i}", stamped)[0]
                self.assertEqual(204, status, body)

        def exported():
            text = send(peer, "GET", "/api/v1/export?" +
                        urllib.parse.urlencode({"match[]": '{__name__!=""}'}))[2]
            found = {}
            for line in text.splitlines():
                one = json.loads(line)
                found[json.dumps(one["metric"], sort_keys=True)] = list(
                    zip(one["timestamps"], map(float, one["values"])))
            return found if len(found) >= 17 else None

        expected = wait_for("series in VictoriaMetrics", exported)
        ours = {}
        for one in server.query('{__name__!=""}[1h]'):
            ours[json.dumps(one["metric"], sort_keys=True)] = [
                (round(float(t) * 1000), float(v)) for t, v in one["values"]]
        self.assertEqual(expected, ours)

    def test_same_answers_as_influxdb(self):
        peer = self.influx()
        send(peer, "POST", "/query?q=CREATE+DATABASE+d")
        server = self.receiver()
        for body in LINES + BAD_LINES:
            with self.subTest(body):
                expected, got = (send(a, "POST", "/write?db=d", body) for a in (peer, server.address))
                self.assertEqual(expected[0], got[0], (expected, got))
                if expected[0] == 400:
                    # Ours adds the number of the line.
                    self.assertEqual(json.loads(expected[2])["error"],
                                     re.sub(r" \(line \d+\)", "", json.loads(got[2])["error"]))
        # A sample behind the newest one is late here.
        differences = [(body, 400, 204) for body in NEWER_LINES] + [("cpu v=1 -5000000000", 204, 400)]
        for body, theirs, ours in differences:
            with self.subTest(body):
                self.assertEqual((theirs, ours), tuple(
                    send(a, "POST", "/write?db=d", body)[0] for a in (peer, server.address)))

    def test_refuses_and_lives_on(self):
        server = self.receiver()
        broad = "\n".join(f"m,t={i} v=1" for i in range(20000))
        self.assertEqual(204, send(server.address, "POST", "/write", broad)[0])
        wide = "m," + ",".join(f"t{i}=v" for i in range(1000)) + " v=1"
        self.assertEqual(400, send(server.address, "POST", "/write", wide)[0])
        for _ in range(50):
            self.assertEqual(400, send(server.address, "POST", "/write", "\n".join(["bad"] * 1000))[0])
        self.assertEqual(20000, server.value("count(m_v)"))
        self.assertLessEqual(server.log_text().count("stored in part"), 3)

    def test_who_may_write_is_said_by_the_web_configuration(self):
        token = {"Authorization": "Token my-token"}
        with_password = "/write?db=d&u=me&p=secret"
        server = self.receiver()
        for path in (with_password, "/api/v2/write?bucket=d"):
            self.assertEqual(204, send(server.address, "POST", path, "m v=1", token)[0], path)
        self.assertEqual(0, server.stop())

        locked = self.file(  # The password is "secret".
            "web.yml", f"basic_auth_users: {{me: '{HASH}'}}\n")
        server.flags.append(f"--web.config.file={locked}")
        server.start(wait=False)
        basic = {"Authorization": "Basic " + base64.b64encode(b"me:secret").decode()}
        wait_for("the server", lambda: send(server.address, "GET", "/-/ready", None, basic)[0] == 200)
        for path in (with_password, "/api/v2/write?bucket=d", "/write"):
            self.assertEqual(401, send(server.address, "POST", path, "m v=2", token)[0], path)
            self.assertEqual(401, send(server.address, "POST", path, "m v=2")[0], path)
        self.assertEqual(204, send(server.address, "POST", "/write?db=d", "m v=3", basic)[0])
