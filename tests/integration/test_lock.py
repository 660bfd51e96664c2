"""The lock on the door: TLS, client certificates and passwords, with curl, OpenSSL and promtool as clients."""
import http.client
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest

import harness

CONFIG = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: self
    scheme: https
    basic_auth: {username: alice, password: secret}
    tls_config: {ca_file: ca.crt}
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""
HASH = "$2b$04$44Thqyzn37mq.9VIecmY.OuJYM2cdWH.d/DBDXDv17wgGdnrRKpy2"  # Of "secret".
SECRETS = ("secret", "$2b$")


def run(*arguments, **more):
    return subprocess.run(arguments, check=False, capture_output=True, text=True, timeout=60, **more)


def make_certificate(folder, name, signer=None, names="IP:127.0.0.1,DNS:localhost"):
    """name.crt and name.key in the folder, signed by itself or by another one there."""
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", f"/CN={name}",
               "-addext", f"subjectAltName={names}"]
    if signer:
        command += ["-CA", folder / f"{signer}.crt", "-CAkey", folder / f"{signer}.key",
                    "-addext", "basicConstraints=critical,CA:FALSE"]
    result = run(*command)
    if signer and result.returncode != 0:  # OpenSSL before 3.1 has no -CA for req.
        request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\n")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        result = run("openssl", "x509", "-req", "-in", request, "-CA", folder / f"{signer}.crt",
                     "-CAkey", folder / f"{signer}.key", "-CAcreateserial", "-days", "2",
                     "-extfile", extensions, "-out", cert)
    if result.returncode != 0:
        raise RuntimeError(result.stderr)


class LockTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="narthex-lock-"))
        self.addCleanup(shutil.rmtree, self.folder)
        make_certificate(self.folder, "ca")
        make_certificate(self.folder, "server", "ca")
        make_certificate(self.folder, "client", "ca", "DNS:client.example")
        self.web = self.folder / "web.yml"

    def lock(self, tls="", users=("alice",), more=""):
        """Writes the web configuration; the next request sees it."""
        text = f"tls_server_config: {{cert_file: server.crt, key_file: server.key{tls}}}\n{more}"
        if users:
            text += "basic_auth_users:\n"
            text += "".join(f"  {user}: {HASH}\n" for user in users)
        self.web.write_text(text)

    def start(self):
        # Another client than those under test says when it is ready.
        server = harness.Server(self.folder, "", f"--web.config.file={self.web}", "--log.level=debug")
        server.config.write_text(CONFIG.replace("PORT", str(server.port)))
        server.start(wait=False)
        self.addCleanup(server.cleanup)
        self.server = server
        self.url = f"https://127.0.0.1:{server.port}"
        harness.wait_for("server ready", lambda: self.curl("/-/ready", "-u", "alice:secret")[0] == "200"
                         or self.curl("/-/ready", "-u", "alice:secret", *self.client_cert())[0] == "200")
        return server

    def client_cert(self):
        return ("--cert", str(self.folder / "client.crt"), "--key", str(self.folder / "client.key"))

    def curl(self, path, *arguments, base=None):
        """Status ("000" = no answer) and body."""
        result = run("curl", "-s", "-m", "20", "--cacert", str(self.folder / "ca.crt"),
                     "-w", "\n%{http_code}", *arguments, (base or self.url) + path)
        body, _, status = result.stdout.rpartition("\n")
        return status, body

    def s_client(self, *arguments):
        result = run("openssl", "s_client", "-connect", f"127.0.0.1:{self.server.port}", "-CAfile",
                     str(self.folder / "ca.crt"), "-cipher", "ALL:@SECLEVEL=0", *arguments, input="")
        return result.stdout + result.stderr

    def test_everything_asks_for_the_password(self):
        self.lock(more="http_server_config: {headers: {X-Frame-Options: deny}}\n")
        self.start()
        for path in ("/", "/-/healthy", "/-/ready", "/metrics", "/api/v1/query?query=1", "/nosuch",
                     "/federate", "/api/v1/status/config", "/-/reload"):
            self.assertEqual(("401", "Unauthorized\n"), self.curl(path), path)
            self.assertEqual(("401", "Unauthorized\n"), self.curl(path, "-u", "alice:guess"), path)
            self.assertEqual(("401", "Unauthorized\n"), self.curl(path, "-u", "bob:secret"), path)
            self.assertNotEqual("401", self.curl(path, "-u", "alice:secret")[0], path)
        head = self.curl("/-/healthy", "-i", "-u", "alice:secret")[1]
        self.assertIn("X-Frame-Options: deny", head)
        # The server scrapes itself through its own lock.
        harness.wait_for("up", lambda: '"1"]' in self.curl("/api/v1/query?query=up", "-u", "alice:secret")[1])
        self.assertIn('"globalUrl":"https://', self.curl("/api/v1/targets", "-u", "alice:secret")[1])
        log = self.server.log_text()
        self.assertIn('msg="TLS is enabled."', log)
        for path in ("/api/v1/status/config", "/api/v1/status/flags"):
            log += self.curl(path, "-u", "alice:secret")[1]
        for secret in SECRETS:
            self.assertNotIn(secret, log.replace(r"\u003csecret\u003e", ""))

    def test_plain_requests_and_old_versions_are_refused(self):
        self.lock()
        self.start()
        status, body = self.curl("/-/healthy", base=f"http://127.0.0.1:{self.server.port}")
        self.assertEqual(("400", "Client sent an HTTP request to an HTTPS server.\n"), (status, body))
        for old in ("-tls1", "-tls1_1"):
            self.assertIn("alert protocol version", self.s_client(old), old)
        for good in ("-tls1_2", "-tls1_3"):
            self.assertIn("Verify return code: 0 (ok)", self.s_client(good), good)
        self.lock(", cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], max_version: TLS12")
        self.assertIn("ECDHE-ECDSA-AES128-GCM-SHA256", self.s_client())
        self.assertIn("alert handshake failure",
                      self.s_client("-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"))
        self.assertIn("alert protocol version", self.s_client("-tls1_3"))

    def test_client_certificates(self):
        self.lock(", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt")
        self.start()
        login = ("-u", "alice:secret")
        self.assertEqual("000", self.curl("/-/healthy", *login)[0])
        self.assertEqual("200", self.curl("/-/healthy", *login, *self.client_cert())[0])
        self.assertEqual("401", self.curl("/-/healthy", *self.client_cert())[0])
        self.lock(", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt,"
                  " client_allowed_sans: [other.example]")
        self.assertEqual("000", self.curl("/-/healthy", *login, *self.client_cert())[0])
        self.lock(", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt,"
                  " client_allowed_sans: [client.example]")
        self.assertEqual("200", self.curl("/-/healthy", *login, *self.client_cert())[0])

    def test_changes_count_without_a_restart(self):
        self.lock()
        self.start()
        login = ("-u", "alice:secret")

        def issuer():
            context = ssl.create_default_context(cafile=self.folder / "ca.crt")
            with socket.create_connection(("127.0.0.1", self.server.port)) as raw:
                with context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
                    return tls.getpeercert()["subject"]

        first = issuer()
        make_certificate(self.folder, "renewed", "ca")
        os.replace(self.folder / "renewed.crt", self.folder / "server.crt")
        # Between the two files nobody gets in, and the log says why.
        self.assertEqual("000", self.curl("/-/healthy", *login)[0])
        self.assertIn("private key does not match public key", self.server.log_text())
        os.replace(self.folder / "renewed.key", self.folder / "server.key")
        self.assertNotEqual(first, issuer())
        self.assertEqual("200", self.curl("/-/healthy", *login)[0])
        self.lock(users=("bob",))
        self.assertEqual("401", self.curl("/-/healthy", *login)[0])
        self.assertEqual("200", self.curl("/-/healthy", "-u", "bob:secret")[0])
        # A connection that is open already meets the broken file, too.
        context = ssl.create_default_context(cafile=self.folder / "ca.crt")
        open_connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, context=context, timeout=20)
        self.addCleanup(open_connection.close)
        open_connection.connect()
        self.web.write_text("tls_server_config: [")
        open_connection.request("GET", "/-/healthy")
        self.assertEqual(500, open_connection.getresponse().status)
        self.assertEqual("000", self.curl("/-/healthy", "-u", "bob:secret")[0])
        self.assertIn("Unable to use the web configuration file", self.server.log_text())
        self.assertIn(f"file={self.web}", self.server.log_text())
        # Nor does one that is half written let anybody in.
        self.lock(users=())
        self.assertEqual("000", self.curl("/-/healthy")[0])
        self.assertIn("basic_auth_users was in the file and is not any more", self.server.log_text())
        self.lock(users=(), more="basic_auth_users: {}\n")
        self.assertEqual("200", self.curl("/-/healthy")[0])
        metrics = self.curl("/metrics")[1]
        self.assertIn("\nnarthex_web_config_last_reload_successful 1\n", metrics)
        self.assertRegex(metrics, r'\nnarthex_web_refused_requests_total\{reason="password"\} [1-9]')
        self.assertRegex(metrics, r'\nnarthex_web_refused_requests_total\{reason="config"\} 1\n')
        self.assertRegex(metrics, r"\nnarthex_web_failed_tls_handshakes_total [1-9]")

    def test_a_bad_file_at_the_start_ends_it(self):
        self.web.write_text("tls_server_config: {cert_file: nosuch.crt, key_file: server.key}\n")
        server = harness.Server(self.folder, "", f"--web.config.file={self.web}").start(wait=False)
        self.addCleanup(server.cleanup)
        self.assertEqual(1, server.process.wait(harness.WAIT_SECONDS))
        server.log.close()
        self.assertIn("Unable to validate web configuration file", server.log_text())
        self.assertIn("nosuch.crt: no such file or directory", server.log_text())

    def test_promtool(self):
        promtool = pathlib.Path(os.environ.get("NARTHEX_PEERS", "/nosuch")) / "promtool"
        if not promtool.exists():
            promtool = pathlib.Path(shutil.which("promtool") or "/nosuch")
        if not promtool.exists():
            self.skipTest("promtool is not there")
        self.lock(", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt")
        self.start()
        settings = self.folder / "http.yml"

        def query(password):
            settings.write_text(f"basic_auth: {{username: alice, password: {password}}}\n"
                                f"tls_config: {{ca_file: {self.folder}/ca.crt,"
                                f" cert_file: {self.folder}/client.crt, key_file: {self.folder}/client.key}}\n")
            return run(promtool, "query", "instant", f"--http.config.file={settings}", self.url, "1+1")

        good = query("secret")
        self.assertEqual(0, good.returncode, good.stderr)
        self.assertIn("2 @", good.stdout)
        bad = query("guess")
        self.assertEqual(1, bad.returncode)
        # Both programs say the same of good files.
        for tool in ([promtool], [harness.BINARY]):
            result = run(*tool, "check", "web-config", str(self.web))
            self.assertEqual((0, f"{self.web} SUCCESS\n"), (result.returncode, result.stderr))


if __name__ == "__main__":
    unittest.main()
