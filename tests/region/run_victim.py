#!/usr/bin/env python3
"""Compiles a victim with belay-cc or belay-c++, runs it, and compares with what its first lines say.

A victim says `// Output: TEXT` for each line of its standard output, `// Error: PATTERN` for what it
must say on standard error before it fails, and `// Build: ...` for options.
"""

import argparse
import pathlib
import re
import subprocess
import sys


def sources_of(victim):
    """The victim, and victim_other.* beside it."""
    return [victim, *sorted(victim.parent.glob(f"{victim.stem}_other.*"))]


def said(text, key):
    return [line.rstrip() for line in re.findall(rf"^// {key}: (.*)$", text, re.M)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drivers", type=pathlib.Path, required=True, help="where belay-cc is")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("victim", type=pathlib.Path)
    parser.add_argument("options", nargs="*", help="of the compiler")
    arguments = parser.parse_args()
    victim, text = arguments.victim, arguments.victim.read_text()
    is_c = victim.suffix == ".c"
    arguments.work.mkdir(parents=True, exist_ok=True)
    program = arguments.work / "program"
    compiler = [arguments.drivers / ("belay-cc" if is_c else "belay-c++"), "-Wall", "-g",
                "-Wno-deprecated-declarations", *([] if is_c else ["-std=c++20"])]
    extra = [word for line in said(text, "Build") for word in line.split()]
    objects = []
    for source in sources_of(victim):
        objects.append(arguments.work / (source.stem + ".o"))
        subprocess.run([*compiler, *arguments.options, *extra, "-c", source, "-o", objects[-1]],
                       check=True)
    subprocess.run([*compiler, *arguments.options, *extra, *objects, "-o", program], check=True)
    result = subprocess.run([program], capture_output=True, text=True, timeout=120, check=False)
    errors = said(text, "Error")
    sys.stderr.write(result.stderr)
    if (result.returncode == 0) != (not errors):
        sys.exit(f"{victim.name}: status {result.returncode}")
    for pattern in errors:
        if not re.search(pattern, result.stderr):
            sys.exit(f"{victim.name}: said nothing like: {pattern}")
    expected = said(text, "Output")
    if expected and result.stdout.splitlines() != expected:
        sys.exit(f"{victim.name}: wrote {result.stdout!r}, not {expected!r}")


if __name__ == "__main__":
    main()
