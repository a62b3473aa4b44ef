#!/usr/bin/env python3
"""Goal: a report takes good rows only, and draws and counts what they say."""

import sys
import unittest
import xml.etree.ElementTree as ElementTree

from bars import write_svg
from report import figure, row_problem, run_program

GOOD = {"name": "pause", "unit": "ms", "value": 1.2, "p10": 1.0, "p90": 1.9,
        "peers": {"fork": 14.0}, "target": 1.5, "better": "lower", "met": True}


class RowTest(unittest.TestCase):
    def test_good_row(self):
        self.assertIsNone(row_problem(GOOD))
        self.assertIsNone(row_problem({**GOOD, "target": None, "met": None, "peers": {}}))

    def test_bad_rows(self):
        for change in ({"met": False}, {"value": float("nan")}, {"p10": 1.3}, {"better": "big"},
                       {"target": None}, {"odd": 1}, {"better": "higher"}):
            with self.subTest(change):
                self.assertIsNotNone(row_problem({**GOOD, **change}))
        self.assertIn("unit", row_problem({k: v for k, v in GOOD.items() if k != "unit"}))

    def test_figures(self):
        self.assertEqual([figure(n) for n in (0, 0.0123, 1.234, 12.34, 1234.5, None)],
                         ["0", "0.0123", "1.23", "12.3", "1,234", "-"])

    def test_program_that_fails_or_says_nothing(self):
        self.assertIn("ended with 3", run_program(["sh", "-c", "exit 3"], None)[1])
        self.assertIn("no row", run_program(["true"], None)[1])
        self.assertIn("no JSON", run_program(["echo", "{oops"], None)[1])

    def test_picture_is_xml_with_a_bar_a_value(self):
        root = ElementTree.fromstring(write_svg([GOOD, {**GOOD, "name": "a < b"}]))
        bars = [e for e in root.iter() if e.tag.endswith("rect")]
        self.assertEqual(len(bars), 1 + 2 * 2)


if __name__ == "__main__":
    sys.exit(unittest.main())
