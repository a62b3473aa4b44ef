#!/usr/bin/env python3
"""Goal: the edge detector is the same without the lines that autonomize it, and what it learns from
a few drawings holds for others: most of the way from blank edge maps to the best.

usage: canny_test.py --programs DIR
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

SIDE = 160


def draw(path, dice):
    """A picture of discs, as a PGM file."""
    discs = [(dice.randrange(SIDE), dice.randrange(SIDE), dice.randrange(5, 40),
              dice.randrange(256)) for _ in range(12)]
    pixels = bytearray()
    for y in range(SIDE):
        for x in range(SIDE):
            inside = [grey for i, j, radius, grey in discs
                      if (x - i) ** 2 + (y - j) ** 2 < radius ** 2]
            pixels.append(inside[-1] if inside else 128)
    path.write_bytes(b"P5 %d %d 255\n" % (SIDE, SIDE) + pixels)


def run(*command, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BELAY_")}
    done = subprocess.run(list(map(str, command)), env=clean | environment, text=True,
                          stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"FAILED: {command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def edges(program, picture, folder):
    folder.mkdir()
    run(program, picture, "--output", folder)
    return (folder / f"{picture.stem}.edges.png").read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    programs = parser.parse_args().programs
    seed = os.environ.get("BELAY_SEED", "1")
    print(f"BELAY_SEED={seed}")
    dice = random.Random(int(seed))
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "pictures").mkdir()
        for i in range(12):
            draw(folder / f"pictures/{i:02}.pgm", dice)
        picture = folder / "pictures/00.pgm"
        if edges(programs / "canny", picture, folder / "off") != \
                edges(programs / "canny_plain", picture, folder / "plain"):
            sys.exit("FAILED: without its autonomizing lines the program does something else")
        run(programs / "canny_lab", "train", folder / "pictures", "--part", "0/2", "--models",
            folder, "--draws", 8, "--batches", 3000)
        result = json.loads(run(programs / "canny_lab", "score", folder / "pictures", "--part",
                                "1/2", "--models", folder, "--tuned", 0, "--json", "-"))
    means = result["means"]
    print(", ".join(f"{name} {means[name]:.3f}" for name in ("blank", "rule", "fixed", "learned",
                                                         "oracle")))
    if not (means["blank"] + means["oracle"]) / 2 < means["learned"] <= means["oracle"]:
        sys.exit("FAILED: what it has learned is nearer to a blank map than to the best")
    return 0


if __name__ == "__main__":
    sys.exit(main())
