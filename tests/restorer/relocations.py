#!/usr/bin/env python3
"""Goal: the restorer reaches nothing outside of its own section.

It runs as a copy, when the library that it came from is no longer mapped. A vector constant that
the compiler puts into .rodata, or a call to memcpy, would be a crash in the middle of a restore;
either shows as a relocation of the section belay_restorer.

usage: relocations.py restorer.cc.o
"""

import re
import shutil
import subprocess
import sys

SECTION = "belay_restorer"
SKIP = 77  # CTest's SKIP_RETURN_CODE


def readelf(option, path):
    return subprocess.run(["readelf", option, "-W", path], text=True, check=True,
                          capture_output=True).stdout


def main():
    path = sys.argv[1]
    if shutil.which("readelf") is None:
        print("readelf is not installed (Debian's package binutils)")
        return SKIP
    # [ 5] belay_restorer PROGBITS 0000000000000000 000060 00030d 00 AXR 0 0 16
    names = re.findall(r"^\s*\[\s*\d+\]\s+(\S+)", readelf("-S", path), re.M)
    if SECTION not in names:
        print(f"FAILED: {path} has no section {SECTION}: this test looks at the wrong thing")
        return 1
    relocations = re.search(rf"Relocation section '\.rela?{SECTION}'.*?(?=\n\n|\Z)",
                            readelf("-r", path), re.S)
    if relocations:
        print(f"FAILED: the restorer reaches out of its section:\n{relocations.group()}")
        return 1
    print(f"{SECTION} has no relocations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
