#!/usr/bin/env python3
"""Counts the tests of one group from the reports that CTest and GoogleTest wrote.

usage: count_tests.py RESULTS --full 0|1

RESULTS holds ctest.xml (JUnit), log, and gtest/*.xml. A GoogleTest program counts as its cases, any
other CTest test as one. Prints what failed, with its output, and what was skipped, with the reason;
the last line is "PASSED FAILED SKIPPED". With --full 1 a skip is a failure.
"""

import argparse
import collections
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

OUTPUT_LINES_MAX = 60

Counts = collections.namedtuple("Counts", "passed failed skipped")


def gtest_cases(path):
    """(counts, failed names, skipped (name, why)) of one GoogleTest report."""
    failed, skipped, passed = [], [], 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None:
            failed.append(name)
        elif skip is not None:
            text = (skip.text or skip.get("message") or "").strip().splitlines()
            skipped.append((name, text[-1] if text else "no reason given"))
        elif case.get("status") == "run":
            passed += 1
    return passed, failed, skipped


def last_lines(text):
    return "\n".join("     | " + line for line in (text or "").splitlines()[-OUTPUT_LINES_MAX:])


def count_case(case, gtest_dir):
    """The Counts of one CTest test, printing what a reader wants to know of it."""
    name = case.get("name")
    output = case.findtext("system-out")
    skip = case.find("skipped")
    if skip is not None and (skip.get("message") or "").startswith("SKIP_"):
        reason = (output or "").strip().splitlines()
        print(f"   skipped: {name}: {reason[-1] if reason else 'no reason given'}")
        return Counts(0, 0, 1)
    ctest_failed = case.get("status") != "run"
    report = gtest_dir / f"{name}.xml"
    if not report.exists():
        if ctest_failed:
            print(f"   FAILED: {name}\n{last_lines(output)}")
        return Counts(int(not ctest_failed), int(ctest_failed), 0)
    passed, failed, skipped = gtest_cases(report)
    for skipped_name, why in skipped:
        print(f"   skipped: {name}: {skipped_name}: {why}")
    if failed or ctest_failed:
        # A program can fail with all its cases passed: a sanitizer's report at exit, a signal.
        what = ", ".join(failed) or "the program itself"
        print(f"   FAILED: {name}: {what}\n{last_lines(output)}")
    return Counts(passed, max(len(failed), int(ctest_failed)), len(skipped))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--full", type=int, default=0)
    options = parser.parse_args()
    total = [0, 0, 0]
    try:
        cases = list(ElementTree.parse(options.results / "ctest.xml").getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        log = options.results / "log"
        print(f"   FAILED: ctest wrote no report\n{last_lines(log.read_text())}")
        print("0 1 0")
        return 0
    for case in cases:
        total = [a + b for a, b in zip(total, count_case(case, options.results / "gtest"))]
    if not cases:
        print("   skipped: there are no tests of this group")
        total[2] += 1
    passed, failed, skipped = total
    if options.full and skipped:
        print(f"   FAILED: {skipped} skipped under --full")
        failed, skipped = failed + skipped, 0
    print(passed, failed, skipped)
    return 0


if __name__ == "__main__":
    sys.exit(main())
