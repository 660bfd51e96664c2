"""Files of a scrape's client that are replaced while the server runs: what they say counts from the next
scrape on, without a reload, and for a connection that is open already.

With a real Prometheus of at least 3.14 in NARTHEX_PEERS it goes through the same changes.
"""
import base64
import os
import pathlib
import shutil
import ssl
import subprocess
import unittest

from harness import HttpPeer, IntegrationTest, Server, real_prometheus, wait_for

PAGE = (200, {"Content-Type": "text/plain; version=0.0.4"}, b"fine 1\n")
UNKNOWN = "tls: failed to verify certificate: x509: certificate signed by unknown authority"


def certificate(folder, name):
    """PEM files of a key and of a certificate that vouches for itself."""
    key, pem = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", str(key), "-out", str(pem), "-days", "2", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return key, pem


class ChangedFilesTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.made = pathlib.Path(self.folder) / "made"
        self.made.mkdir()
        for name in ("one", "other"):
            certificate(self.made, name)
        (self.made / "secret-one").write_text("one")
        (self.made / "secret-other").write_text("other\n")
        (self.made / "none").write_text("nothing of the kind")
        plain = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        plain.load_cert_chain(self.made / "one.pem", self.made / "one.key")
        asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        asking.load_cert_chain(self.made / "one.pem", self.made / "one.key")
        asking.verify_mode = ssl.CERT_REQUIRED
        asking.load_verify_locations(self.made / "one.pem")
        self.targets = {"ca": self.target(plain), "certificate": self.target(asking),
                        "password": self.target(), "credentials": self.target(), "header": self.target()}

    def target(self, context=None):
        def answer(_, __, headers, ___):
            known = (f"Basic {base64.b64encode(b'user:one').decode()}", "Bearer one")
            if context is None and headers.get("Authorization") not in known and headers.get("X-Key") != "one":
                return 401, {}, b""
            return PAGE
        peer = HttpPeer(answer, context)
        self.addCleanup(peer.cleanup)
        return peer.address

    def put(self, folder, **files):
        """Replaces files as secrets are replaced: by a rename."""
        for name, source in files.items():
            fresh = folder / "fresh"
            shutil.copy(self.made / source, fresh)
            os.rename(fresh, folder / name)

    def config(self, folder):
        more = {
            "ca": f"scheme: https, tls_config: {{ca_file: {folder}/ca}}",
            "certificate": f"scheme: https, tls_config: {{ca_file: {self.made}/one.pem, cert_file: {folder}/cert, "
                           f"key_file: {folder}/key}}",
            "password": f"basic_auth: {{username: user, password_file: {folder}/password}}",
            "credentials": f"authorization: {{credentials_file: {folder}/credentials}}",
            "header": f"http_headers: {{X-Key: {{files: [{folder}/header]}}}}"}
        return "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n" + "".join(
            f"  - {{job_name: {job}, static_configs: [{{targets: ['{address}']}}], {more[job]}}}\n"
            for job, address in self.targets.items())

    def expect(self, server, **errors):
        """Waits until all jobs are up but those named, whose last error has the text."""
        def wrong():
            found = {t["scrapePool"]: (t["health"], t["lastError"]) for t in server.api("targets")["activeTargets"]}
            return {job: found.get(job) for job in self.targets
                    if found.get(job, ("", ""))[0] != ("down" if job in errors else "up")
                    or errors.get(job, "") not in found[job][1]}
        try:
            wait_for("the verdicts", lambda: not wrong(), seconds=30)
        except AssertionError:
            self.assertEqual(wrong(), {})

    def walk(self, server, folder):
        """All changes, one after another. The server is started with what is not known."""
        wrong = {"password": "401", "credentials": "401", "header": "401", "ca": UNKNOWN, "certificate": "tls"}
        self.expect(server, **wrong)
        good = {"ca": "one.pem", "cert": "one.pem", "key": "one.key", "password": "secret-one",
                "credentials": "secret-one", "header": "secret-one"}
        self.put(folder, **good)
        self.expect(server)
        self.put(folder, ca="other.pem", cert="other.pem", key="other.key", password="secret-other",
                 credentials="secret-other", header="secret-other")
        self.expect(server, **wrong)
        self.put(folder, **good)
        self.expect(server)
        self.put(folder, ca="none", cert="none")
        self.expect(server, ca="unable to use specified CA cert", certificate="unable to use specified client cert")
        self.put(folder, **good)
        self.expect(server)
        for name in good:
            (folder / name).unlink()
        self.expect(server, **{job: "no such file or directory" for job in self.targets})
        self.put(folder, **good)
        self.expect(server)

    def run_on(self, binary, name):
        folder = pathlib.Path(self.folder) / name
        folder.mkdir()
        self.put(folder, ca="other.pem", cert="other.pem", key="other.key", password="secret-other",
                 credentials="secret-other", header="secret-other")
        server = Server(folder, self.config(folder))
        server.binary = binary or server.binary
        self.addCleanup(server.cleanup)
        self.walk(server.start(), folder)

    def test_what_they_say_counts_from_the_next_scrape_on(self):
        self.run_on(None, "narthex")

    def test_as_with_prometheus(self):
        self.run_on(real_prometheus(), "peer")


if __name__ == "__main__":
    unittest.main()
