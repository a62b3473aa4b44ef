#!/usr/bin/env python3
"""Compiles a victim with belay-cc or belay-c++, runs it, and compares with what it promises.

The first source says `// Output: TEXT` for each line of its standard output, `// Error: PATTERN`
for what it must say on standard error before it fails, `// Says N: PATTERN` for what it says there
N times in any case, `// Build: ...` for more options and `// Environment: NAME=VALUE`.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

EXIT_SKIP = 77


def split(words):
    """Ours, and the compiler's behind --."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1:]


def said(text, key):
    return [line.rstrip() for line in re.findall(rf"^// {key}: (.*)$", text, re.M)]


def check_run(victim, command, environment=None):
    """Runs it and compares with what the source says, or ends with what differs."""
    if not shutil.which(command[0]):
        sys.exit(EXIT_SKIP)
    text = victim.read_text()
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                            env={**os.environ, **(environment or {}), **dict(
                                line.split("=", 1) for line in said(text, "Environment"))})
    errors = said(text, "Error")
    keys = ("Output", "Error", "Build", "Environment", r"Says \d+")
    if len(re.findall(f"(?:{'|'.join(keys)}): ", text)) != sum(
            len(said(text, key)) for key in keys):
        sys.exit(f"{victim.name}: a promise that does not begin its line")
    sys.stderr.write(result.stderr)
    if (result.returncode == 0) != (not errors):
        sys.exit(f"{victim.name}: status {result.returncode}")
    for pattern in errors:
        if not re.search(pattern, result.stderr):
            sys.exit(f"{victim.name}: said nothing like: {pattern}")
    for times, pattern in re.findall(r"^// Says (\d+): (.*)$", text, re.M):
        if len(re.findall(pattern, result.stderr)) != int(times):
            sys.exit(f"{victim.name}: did not say {times} times: {pattern}")
    expected = said(text, "Output")
    if expected and result.stdout.splitlines() != expected:
        sys.exit(f"{victim.name}: wrote {result.stdout!r}, not {expected!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drivers", type=pathlib.Path, required=True, help="where belay-cc is")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--run", default="", help="what runs the program, and its options")
    parser.add_argument("sources", nargs="+", type=pathlib.Path, help="then -- and options")
    own, options = split(sys.argv[1:])
    arguments = parser.parse_args(own)
    victim = arguments.sources[0]
    text = victim.read_text()
    is_c = victim.suffix == ".c"
    arguments.work.mkdir(parents=True, exist_ok=True)
    program = arguments.work / "program"
    compiler = [arguments.drivers / ("belay-cc" if is_c else "belay-c++"), "-Wall", "-g",
                "-Wno-deprecated-declarations", *([] if is_c else ["-std=c++20"])]
    extra = [word for line in said(text, "Build") for word in line.split()]
    objects = []
    for source in arguments.sources:
        objects.append(arguments.work / (source.stem + ".o"))
        subprocess.run([*compiler, *options, *extra, "-c", source, "-o", objects[-1]],
                       check=True)
    subprocess.run([*compiler, *options, *extra, *objects, "-o", program], check=True)
    check_run(victim, [*arguments.run.split(), program])


if __name__ == "__main__":
    main()
