#!/usr/bin/env python3
"""Runs the benchmark programs of a suite and reports their rows.

usage: report.py [--quick] [--json FILE] [--svg FILE] [--seconds-max N] -- PROGRAM...
       report.py --check -- PROGRAM ARGUMENT...

A program prints a row of JSON a line: {"name", "unit", "value" (the median), "p10", "p90",
"peers": {name: value}, "target" (or null), "better": "lower" | "higher", "met" (null without a
target)}. --check runs one program and fails unless every row is well formed.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import time

from bars import write_svg

EXIT_SKIP = 77
FIELDS = ("name", "unit", "value", "p10", "p90", "peers", "target", "better", "met")


def row_problem(row):
    """What is wrong with a row, or None."""
    missing = [field for field in FIELDS if field not in row]
    if missing:
        return f"has no {', '.join(missing)}"
    if set(row) - set(FIELDS):
        return f"has unknown fields: {', '.join(sorted(set(row) - set(FIELDS)))}"
    numbers = [row["value"], row["p10"], row["p90"], *row["peers"].values()]
    if not all(isinstance(n, (int, float)) and math.isfinite(n) and n >= 0 for n in numbers):
        return "has a value that is no finite number"
    if not row["p10"] <= row["value"] <= row["p90"]:
        return "has a median outside of its p10 and p90"
    if row["better"] not in ("lower", "higher"):
        return f"is better {row['better']!r}"
    if row["target"] is None:
        return None if row["met"] is None else "has met a target that it does not have"
    lower = row["better"] == "lower"
    met = row["value"] <= row["target"] if lower else row["value"] >= row["target"]
    return None if row["met"] is met else f"says met: {row['met']}, its figures say {met}"


def run_program(command, seconds_left):
    """(rows, problem) of one program. What it prints beside rows goes to standard error."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=seconds_left)
    except subprocess.TimeoutExpired:
        return [], f"did not end within {seconds_left:.0f} s"
    rows = []
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            print(line, file=sys.stderr)
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            return rows, f"printed no JSON: {line}: {error}"
        problem = row_problem(row)
        if problem:
            return rows, f"row {row.get('name')!r} {problem}"
        rows.append(row)
    if done.returncode == EXIT_SKIP:
        return rows, "skipped"
    if done.returncode != 0:
        return rows, f"ended with {done.returncode}"
    return rows, None if rows else "printed no row"


def figure(value):
    """Three significant digits, without an exponent."""
    if value is None:
        return "-"
    if value == 0 or value >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:.{min(digits, 6)}f}"


def print_table(rows):
    head = ["", "unit", "median", "p10", "p90", "target", "", "peers"]
    lines = [head]
    for row in rows:
        sign = "<=" if row["better"] == "lower" else ">="
        target = "-" if row["target"] is None else f"{sign} {figure(row['target'])}"
        peers = ", ".join(f"{name} {figure(value)}" for name, value in row["peers"].items())
        met = {True: "met", False: "MISSED", None: ""}[row["met"]]
        lines.append([row["name"], row["unit"], figure(row["value"]), figure(row["p10"]),
                      figure(row["p90"]), target, met, peers])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        cells = [cell.rjust(width) if 2 <= i <= 5 else cell.ljust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())
    targets = [row for row in rows if row["met"] is not None]
    print(f"\n{sum(row['met'] for row in targets)} of {len(targets)} targets met, "
          f"{len(rows)} rows")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--svg", type=pathlib.Path)
    parser.add_argument("--seconds-max", type=float, default=math.inf)
    parser.add_argument("programs", nargs="+")
    return parser.parse_args()


def main():
    options = parse_arguments()
    if options.check:
        rows, problem = run_program(options.programs, None)
        print_table(rows)
        print(problem or "every row is well formed")
        return EXIT_SKIP if problem == "skipped" else 1 if problem else 0
    all_rows, failed = [], False
    end = time.monotonic() + options.seconds_max
    for program in options.programs:
        command = [program, *(["--quick"] if options.quick else [])]
        left = end - time.monotonic()
        rows, problem = run_program(command, None if math.isinf(left) else max(left, 0.001))
        all_rows += rows
        if problem:
            print(f"{pathlib.Path(program).name} {problem}", file=sys.stderr)
            failed = failed or problem != "skipped"
    print_table(all_rows)
    if options.json:
        options.json.write_text(json.dumps(all_rows, indent=1) + "\n")
    if options.svg:
        options.svg.write_text(write_svg(all_rows))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
