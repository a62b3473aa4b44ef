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
SOURCES = HERE.parents[2] / "src"
EFFECTS = SOURCES / "region/effects.def"


def effects():
    """Names in the list, as the preprocessor spells them."""
    kinds = {"PURE": "name", "KEPT": "name", "WRAPPED": "name"}
    defines = [f"-DBELAY_{kind}({name})=@name@" for kind, name in kinds.items()]
    text = subprocess.run(["cpp", "-P", "-x", "c++", *defines, "-I", SOURCES, EFFECTS], check=True,
                          capture_output=True, text=True).stdout
    return set(re.findall(r"@(\w+)@", text))


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
