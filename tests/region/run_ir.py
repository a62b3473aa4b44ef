#!/usr/bin/env python3
"""Runs passes of the plugin over a file of LLVM IR and lets FileCheck compare.

The file says `; Run: OPTIONS` for each run of opt; FileCheck takes the prefix CHECK in the first,
and CHECK2, CHECK3 ... in the others. `; Fails:` instead of `; Run:` where opt must refuse the
file, and FileCheck reads what it says.
"""

import argparse
import pathlib
import re
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=pathlib.Path, required=True, help="where opt is")
    parser.add_argument("--plugin", type=pathlib.Path, required=True)
    parser.add_argument("file", type=pathlib.Path)
    arguments = parser.parse_args()
    runs = re.findall(r"^; (Run|Fails): (.*)$", arguments.file.read_text(), re.M)
    if not runs:
        sys.exit(f"{arguments.file.name}: no run")
    for number, (how, options) in enumerate(runs, 1):
        command = [arguments.tools / "opt", "-load", arguments.plugin,
                   f"-load-pass-plugin={arguments.plugin}", "-S", *options.split(), arguments.file]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if (done.returncode == 0) != (how == "Run"):
            sys.exit(f"{arguments.file.name}: {options}: status {done.returncode}\n{done.stderr}")
        prefix = "CHECK" if number == 1 else f"CHECK{number}"
        checked = subprocess.run(
            [arguments.tools / "FileCheck", f"--check-prefix={prefix}", arguments.file],
            input=done.stdout if how == "Run" else done.stderr, text=True, check=False)
        if checked.returncode != 0:
            sys.exit(f"{arguments.file.name}: {options}: not as it says")


if __name__ == "__main__":
    main()
