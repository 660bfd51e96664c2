"""What an operator does with a running server: settings that a reload changes."""
import shutil
import tempfile
import unittest

import harness


class OperationsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="narthex-")
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, config, *flags):
        server = harness.Server(self.folder, config, *flags)
        self.addCleanup(server.cleanup)
        return server.start()

    def reload(self, server, config):
        server.config.write_text(config)
        return server.request("POST", "/-/reload")

    def metric(self, server, name):
        for line in server.request("GET", "/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def test_number_of_exemplars(self):
        config = "storage: {exemplars: {max_exemplars: %d}}\n"
        server = self.start(config % 7, "--enable-feature=exemplar-storage", "--web.enable-lifecycle")
        number = lambda: self.metric(server, "prometheus_tsdb_exemplar_max_exemplars")
        self.assertEqual(number(), 7)
        for wanted, want in ((3, 3), (0, 0), (-5, 0), (12, 12)):
            self.assertEqual(self.reload(server, config % wanted)[0], 200)
            self.assertEqual(number(), want)
        self.assertEqual(self.reload(server, "global: {}\n")[0], 200)
        self.assertEqual(number(), 100000)


if __name__ == "__main__":
    unittest.main()
