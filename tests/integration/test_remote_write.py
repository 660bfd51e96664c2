"""The server's own remote write into real servers, through an outage, a kill and reloads.

outage.py has the long form, with all endpoints at once.
"""
import unittest

from outage import OutageTest


class RemoteWriteTest(OutageTest):
    def test_prometheus(self):
        self.run_through_trouble([self.start_prometheus("prometheus", 1)], 6)

    def test_prometheus_2(self):
        self.run_through_trouble([self.start_prometheus("prometheus", 2, since=(3, 0))], 6)

    def test_victoria_metrics(self):
        self.run_through_trouble([self.start_victoria()], 6)


del OutageTest  # Has no tests of its own.

if __name__ == "__main__":
    unittest.main()
