#!/usr/bin/env python3
"""Compiles sources one at a time that the build compiles several in a file (CMAKE_UNITY_BUILD), so
that each includes what it needs: a sample, by BELAY_SEED, or with BELAY_TEST_FULL=1 all of them.

usage: alone.py BUILD_FOLDER
"""

import argparse
import json
import os
import pathlib
import random
import re
import shlex
import subprocess
import sys

SAMPLE = 8


def commands(build):
    """{source: (folder, command that checks it)} of the sources of files of several."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if not re.fullmatch(r"unity_\d+_c(xx)?\.c(xx)?", path.name):
            continue
        for source in re.findall(r'^#include "(.+)"$', path.read_text(), re.MULTILINE):
            words = shlex.split(entry["command"])
            at = words.index("-o")
            words = [source if word == entry["file"] else word
                     for word in words[:at] + words[at + 2:]]
            found.setdefault(source, (entry["directory"], [*words, "-fsyntax-only"]))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, metavar="BUILD_FOLDER")
    found = commands(parser.parse_args().build)
    chosen = sorted(found)
    if os.environ.get("BELAY_TEST_FULL", "0") != "1":
        seed = int(os.environ.get("BELAY_SEED", "1"))
        chosen = random.Random(seed).sample(chosen, min(SAMPLE, len(chosen)))
        print(f"BELAY_SEED={seed}: {len(chosen)} of {len(found)} sources")
    failed = 0
    for source in chosen:
        folder, command = found[source]
        if subprocess.run(command, cwd=folder, check=False).returncode != 0:
            print(f"{source}: does not compile alone: {shlex.join(command)}")
            failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
