#!/usr/bin/env python3
"""Every function that libstdc++.so exports has a clone, known effects, or a reason to be refused.

Programs reach it by calls, and by virtual calls of objects that libstdc++ has made, which no list
of headers shows. A clone is NAME.ckpt in libbelay_region or libbelay_region_cxx; effects that need
none are in src/region/effects*.def; refused.txt holds patterns of readable names, with reasons. The
clones' own calls are held to the same.
"""

import argparse
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
REGION = HERE.parents[2] / "src/region"


def symbols(library, *options):
    listing = subprocess.run(["nm", "-D", *options, library], check=True, capture_output=True,
                             text=True).stdout
    return [line.split()[-2:] for line in listing.splitlines()]


def readable(names):
    names = sorted(names)
    shown = subprocess.run(["c++filt"], input="\n".join(names), check=True, capture_output=True,
                           text=True).stdout.splitlines()
    return dict(zip(names, shown))


def clones(libraries):
    return {name[:-len(".ckpt")] for library in libraries
            for _, name in symbols(library, "--defined-only") if name.endswith(".ckpt")}


def listed():
    """Names without clones: that write nothing, or what stays."""
    text = "".join(path.read_text() for path in REGION.rglob("*.def"))
    text = re.sub(r"//.*", "", text)
    return set(re.findall(r"BELAY_(?:PURE|KEPT)\(\s*(\w+)\s*\)", text))


def refused():
    lines = (HERE / "refused.txt").read_text().splitlines()
    patterns = []
    for line in lines:
        if line and not line.startswith("#"):
            pattern, _, reason = line.partition("  ")
            if not reason.strip():
                sys.exit(f"refused.txt: no reason given: {line}")
            patterns.append(re.compile(pattern))
    return patterns


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--libstdcxx", required=True)
    parser.add_argument("libraries", nargs="+", help="that define clones")
    arguments = parser.parse_args()
    exported = {name.split("@")[0] for kind, name in symbols(arguments.libstdcxx, "--defined-only")
                if kind in "TtWi"}
    have, known, patterns = clones(arguments.libraries), listed(), refused()
    called = {name[:-len(".ckpt")] for library in arguments.libraries
              for _, name in symbols(library, "--undefined-only") if name.endswith(".ckpt")}
    used, missing = set(), []
    names = readable((exported | called) - have - known)
    for name, shown in names.items():
        hits = {pattern for pattern in patterns if pattern.search(shown)}
        used |= hits
        if not hits:
            missing.append(f"  {name}  {shown}")
    print(f"{len(exported)} exported: {len(exported & have)} with clones, "
          f"{len(exported & known - have)} listed, {len(names) - len(missing)} refused")
    stale = [pattern.pattern for pattern in patterns if pattern not in used]
    if missing:
        print(*missing, sep="\n")
        sys.exit(f"{len(missing)} functions that nothing is known of")
    if stale:
        sys.exit(f"refused.txt: refuses nothing: {stale}")


if __name__ == "__main__":
    main()
