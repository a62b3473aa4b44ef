#!/usr/bin/env python3
"""Goal: a program that has been autonomized is the same without the lines that do that, and what it
learns from some files holds for others.

usage: autonomized_test.py --programs DIR canny | pack
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


def check_canny(programs, folder, dice):
    """From a few drawings: nearer to the best than to a blank map."""
    (folder / "pictures").mkdir()
    for i in range(12):
        draw(folder / f"pictures/{i:02}.pgm", dice)
    picture = folder / "pictures/00.pgm"
    if edges(programs / "canny", picture, folder / "off") != \
            edges(programs / "canny_plain", picture, folder / "plain"):
        sys.exit("FAILED: without its autonomizing lines the program does something else")
    run(programs / "canny_lab", "train", folder / "pictures", "--part", "0/2", "--models", folder,
        "--draws", 8, "--batches", 1000)
    means = json.loads(run(programs / "canny_lab", "score", folder / "pictures", "--part", "1/2",
                           "--models", folder, "--tuned", 0, "--json", "-"))["means"]
    print(", ".join(f"{name} {means[name]:.3f}"
                    for name in ("blank", "rule", "fixed", "learned", "oracle")))
    if not (means["blank"] + means["oracle"]) / 2 < means["learned"] <= means["oracle"]:
        sys.exit("FAILED: what it has learned is nearer to a blank map than to the best")
    check_canny_runs(programs, folder)


def check_canny_runs(programs, folder):
    """Two runs differ, and the tuner, which sees the right edges, is ahead of nobody's best."""
    script = pathlib.Path(__file__).parent.parent / "bench/canny_runs.py"
    rows = json.loads(run(sys.executable, "-B", script, programs / "canny_lab", folder / "pictures",
                          folder / "pictures", "--train-part", "0/2", "--held-back-part", "1/2",
                          "--runs", 2, "--pictures", 2, "--draws", 2, "--batches", 50,
                          "--tuner-seconds", .1, .2, "--json", "-"))
    if [row["name"] for row in rows] != ["01", "07", "mean"]:
        sys.exit(f"FAILED: rows of canny_runs.py: {rows}")
    for row in rows:
        if row["learned"]["deviation"] == 0 or row["learned"]["mean"] > row["choices"]["mean"]:
            sys.exit(f"FAILED: {row}")


def write_records(path, dice, words):
    path.mkdir()
    for i in range(80):
        text = " ".join(dice.choice(words) for _ in range(1500))
        (path / f"{i:02}.txt").write_text(text)


def check_pack(programs, folder, dice):
    """Of two languages: closer to trying all dictionaries than to the best one for all."""
    kinds = []
    for name, letters in (("low", "abcdefgh"), ("high", "stuvwxyz")):
        words = ["".join(dice.choice(letters) for _ in range(9)) for _ in range(900)]
        write_records(folder / name, dice, words)
        kinds.append(f"{name}={folder / name}:.txt")
    run(programs / "pack", "make", folder / "dictionaries", *kinds)

    def packed(*options, program="pack", **environment):
        output = run(programs / program, "run", folder / "dictionaries", *kinds, *options,
                     **environment)
        return int(output.split()[5])

    if packed("--odd") != packed("--odd", program="pack_plain"):
        sys.exit("FAILED: without its autonomizing lines the program does something else")
    run(programs / "pack", "run", folder / "dictionaries", *kinds, "--try-all", "--records", 150,
        BELAY_AU="train", BELAY_AU_MODELS=str(folder))
    fixed = min(packed("--odd", "--with", name) for name in ("low", "high"))
    best = packed("--odd", "--try-all")
    learned = packed("--odd", BELAY_AU="deploy", BELAY_AU_MODELS=str(folder))
    print(f"fixed {fixed}, learned {learned}, best {best}")
    if not best <= learned < (best + fixed) / 2:
        sys.exit("FAILED: what it has learned is nearer to one dictionary for all than to the best")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("program", choices=("canny", "pack"))
    options = parser.parse_args()
    seed = os.environ.get("BELAY_SEED", "1")
    print(f"BELAY_SEED={seed}")
    with tempfile.TemporaryDirectory() as folder:
        check = {"canny": check_canny, "pack": check_pack}[options.program]
        check(options.programs, pathlib.Path(folder), random.Random(int(seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
