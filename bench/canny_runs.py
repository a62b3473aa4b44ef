#!/usr/bin/env python3
"""The edge detector trained several times, each time with another seed of weights, batches, blur
and noise, and scored on held-back pictures beside the tuner: mean and standard deviation of each
picture's likeness, in the form of Table 1 of the Autonomizer paper.

usage: canny_runs.py [options] CANNY_LAB TRAIN HELD_BACK
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

COLUMNS = ("tuner_short", "tuner_long", "learned", "choices")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\nusage")[0])
    parser.add_argument("canny_lab", help="the program, built")
    parser.add_argument("train", help="folder of pictures to learn from")
    parser.add_argument("held_back", help="folder of pictures to score on")
    parser.add_argument("--train-part", default="0/1", help="K/N: those whose number modulo N is K")
    parser.add_argument("--held-back-part", default="0/2")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--pictures", type=int, default=10, help="scored")
    parser.add_argument("--draws", type=int, default=4, help="of blur and noise for each picture")
    parser.add_argument("--batches", type=int, default=5000)
    parser.add_argument("--tuner-seconds", nargs=2, type=float, default=(5, 10),
                        help="of the processor, for each picture")
    parser.add_argument("--json", help="write the table there; - is standard output")
    return parser.parse_args()


def lab(options, seed, models, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "BELAY_AU"}
    environment["BELAY_AU_SET"] = f"canny.seed={seed}"
    command = [options.canny_lab, *arguments, "--models", models, "--seed", seed]
    done = subprocess.run(list(map(str, command)), env=environment, stdout=subprocess.PIPE,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}")
    return done.stdout


def one_run(options, seed):
    """The rows of the pictures: name and figures."""
    with tempfile.TemporaryDirectory() as models:
        lab(options, seed, models, "train", options.train, "--part", options.train_part,
            "--draws", options.draws, "--batches", options.batches)
        scored = lab(options, seed, models, "score", options.held_back,
                     "--part", options.held_back_part, "--pictures", options.pictures,
                     "--tuned", options.pictures, "--tuner-seconds", *options.tuner_seconds,
                     "--json", "-")
    return json.loads(scored)["pictures"]


def summary(values):
    return {"mean": statistics.fmean(values), "deviation": statistics.pstdev(values)}


def table(runs):
    """Of each picture over the runs; "mean" is over the runs' means."""
    rows = [{"name": same[0]["name"]} | {name: summary([row[name] for row in same])
                                         for name in COLUMNS}
            for same in zip(*runs)]
    means = {name: summary([statistics.fmean(row[name] for row in run) for run in runs])
             for name in COLUMNS}
    return rows + [{"name": "mean"} | means]


def main():
    options = parse()
    runs = []
    for seed in range(1, options.runs + 1):
        if sys.stderr.isatty():
            print(f"run {seed} of {options.runs}", file=sys.stderr)
        runs.append(one_run(options, seed))
    rows = table(runs)
    if options.json:
        with open("/dev/stdout" if options.json == "-" else options.json, "w",
                  encoding="utf-8") as out:
            json.dump(rows, out, indent=1)
        return
    print("| | " + " | ".join(COLUMNS) + " |\n|" + "---|" * (len(COLUMNS) + 1))
    for row in rows:
        cells = [f"{row[name]['mean']:.3f} ± {row[name]['deviation']:.3f}" for name in COLUMNS]
        print(f"| {row['name']} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
