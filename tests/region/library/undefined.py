#!/usr/bin/env python3
"""Lists what the standard library's headers need from its compiled part, and who knows its effects.

everything.cc is compiled at -O0 and -O2 with belay-c++. Each function that the object leaves
undefined and that a region would call must be in effects.def, or be refused on purpose
(undefined_allow.txt).
"""

import argparse
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
EFFECTS = HERE.parents[2] / "src/region/effects.def"


def effects():
    """Names in the list, with the family of standard exceptions spelled out."""
    text = re.sub(r"//.*", "", EFFECTS.read_text())
    text = re.sub(r"[ \t]*\\\n\s*", " ", text)
    names = set(re.findall(r"BELAY_(?:PURE|WRAPPED)\(\s*(\w+)\s*\)", text))
    return {re.sub(r"\s", "", name) for name in names} | families(text)


def families(text):
    found = set()
    for macro, body in re.findall(r"#define (\w+)\(name\)(.*)", text):
        patterns = re.findall(r"BELAY_(?:PURE|WRAPPED)\(\s*([\w#]+)\s*\)", body)
        for name in re.findall(rf"^{macro}\((\w+)\)", text, re.M):
            found |= {pattern.replace("##name##", name) for pattern in patterns}
    return found


def undefined(compiler, work, level):
    target = work / f"everything{level}.o"
    subprocess.run([compiler, level, "-std=c++20", "-w", "-c", HERE / "everything.cc",
                    "-o", target], check=True)
    listing = subprocess.run(["nm", "-u", target], check=True, capture_output=True, text=True)
    names = {line.split()[-1] for line in listing.stdout.splitlines()}
    # What has .ckpt beside it is what calls in regions have been found for.
    return {name[:-len(".ckpt")] for name in names if name.endswith(".ckpt")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compiler", required=True, help="belay-c++")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    allowed = {line.split()[0] for line in (HERE / "undefined_allow.txt").read_text().splitlines()
               if line and not line.startswith("#")}
    needed = set()
    for level in ("-O0", "-O2"):
        needed |= undefined(arguments.compiler, arguments.work, level)
    unknown = sorted(needed - effects() - allowed)
    print(f"{len(needed)} functions that wrap or are unknown, {len(unknown)} of them unknown")
    if unknown:
        shown = subprocess.run(["c++filt"], input="\n".join(unknown), check=True,
                               capture_output=True, text=True).stdout.splitlines()
        for name, readable in zip(unknown, shown):
            print(f"  {name}  {readable}")
        sys.exit("not in src/region/effects.def")


if __name__ == "__main__":
    main()
