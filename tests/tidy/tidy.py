#!/usr/bin/env python3
"""The rules of the project that a machine can check. Prints each breach as FILE:LINE: what.

usage: tidy.py [--root DIR] [--library libbelay.so] [--list] [CHECK...]
"""

import argparse
import pathlib
import sys

from banned import check_banned
from dead import check_dead
from exports import check_exports
from layers import check_layering
from shape import check_format, check_lengths, check_lines, check_scripts, check_words
from source import Tree

CHECKS = {
    "layering": check_layering,
    "dead": check_dead,
    "banned": check_banned,
    "lines": check_lines,
    "lengths": check_lengths,
    "words": check_words,
    "scripts": check_scripts,
    "format": check_format,
    "exports": check_exports,
}
EXIT_SKIP = 77


def read_allowed(tree):
    """allow.txt as a list of [check, path, words, used]."""
    path = tree.root / "tests/tidy/allow.txt"
    entries = []
    for line in path.read_text().splitlines() if path.exists() else []:
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(None, 3)
        if len(fields) < 4:
            sys.exit(f"{path}: no reason given: {line}")
        entries.append([*fields[:3], False])
    return entries


def is_allowed(entries, check, problem):
    for entry in entries:
        name, path, words, _ = entry
        if name == check and problem.startswith(path + ":") and (words == "*" or words in problem):
            entry[3] = True
            return True
    return False


def run_check(name, tree, library):
    """The problems that remain after allow.txt."""
    if name == "exports":
        found = check_exports(tree, library)
    else:
        found = CHECKS[name](tree)
    entries = [entry for entry in read_allowed(tree) if entry[0] == name]
    problems = [problem for problem in found if not is_allowed(entries, name, problem)]
    for _, path, words, used in entries:
        if not used:
            problems.append(f"tests/tidy/allow.txt: '{name} {path} {words}' excuses nothing")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--library", type=pathlib.Path, help="libbelay.so, for the check 'exports'")
    parser.add_argument("--list", action="store_true", help="name the checks and what they ask")
    options = parser.parse_args()
    unknown = set(options.checks) - set(CHECKS)
    if unknown:
        parser.error(f"no check {', '.join(sorted(unknown))}; there are: {', '.join(CHECKS)}")
    if options.list:
        for name, check in CHECKS.items():
            print(f"{name:10} {check.__doc__}")
        return 0
    names = options.checks or [name for name in CHECKS if name != "exports" or options.library]
    tree, failed, skipped = Tree(options.root), False, False
    for name in names:
        try:
            problems = run_check(name, tree, options.library)
        except LookupError as missing:
            print(f"{name}: skipped: {missing}")
            skipped = True
            continue
        for problem in problems:
            print(f"{name}: {problem}")
        failed = failed or bool(problems)
    return 1 if failed else EXIT_SKIP if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
