#!/usr/bin/env python3
"""Goal: each example runs, and two runs with the same arguments have the same result.

usage: smoke_test.py --programs DIR EXAMPLE
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

SKIP = 77  # CTest's SKIP_RETURN_CODE
PICTURES = pathlib.Path("/usr/share/datasets/fashion-mnist")
CITIES = pathlib.Path("/usr/share/zoneinfo/zone1970.tab")

SYNTHETIC = ["--points", "5000", "--dims", "20", "--rounds", "5"]
EXAMPLES = {  # name: program, arguments, what it needs
    "kmeans": ("kmeans", SYNTHETIC, None),
    "kmeans_plain": ("kmeans_plain", SYNTHETIC, None),
    "sgd": ("sgd", ["--pictures", "1000", "--rounds", "1"], PICTURES),
    "tsp": ("tsp", ["--rounds", "2", "--perturbations", "200"], CITIES),
    "tsp_exact": ("tsp", ["--exact", "10"], CITIES),
}
THREADS = ["1", "3", "64"]
# Of the programs that undo: arguments, and what the first line of their output says.
REGIONS = {
    "queens": [(["--size", "4"], "solutions 2"), (["--size", "8"], "solutions 92"),
               (["--size", "9"], "solutions 352"),
               (["--size", "40", "--solutions", "1"], "solutions 1")],
    "job_shop": [(["--instance", "ft06", "--moves", "50000"], "ft06: ends at 55, optimum 55"),
                 (["--instance", "ft10", "--moves", "50000"], "ft10: ends at "),
                 (["--instance", "40x20", "--moves", "2000", "--seed", "7"], "40x20: ends at ")],
}
# Of the programs with savepoints: command lines with one result, and how its first line begins.
SAVEPOINTS = {
    "collapse": [["--nodes", "500"], ["--nodes", "500"]],
    "fuzz": [["--runs", "2000"], ["--runs", "2000"], ["--runs", "2000", "--method", "fork"]],
}
SAVEPOINT_LINES = {"collapse": "score ", "fuzz": "corpus "}


def run(command, store):
    """Standard output and exit status, with the checkpoints in a folder of their own."""
    environment = dict(os.environ, BELAY_STORE=store, BELAY_INTERVAL_MS="1000")
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, check=False)
    return done.stdout, done.returncode


def result(command):
    """All that an undisturbed run prints: progress and, at the end, the checksum."""
    with tempfile.TemporaryDirectory() as store:
        output, status = run(command, store)
    last = (output.splitlines() or [""])[-1].split()
    if status != 0 or len(last) != 2 or last[0] != "checksum":
        sys.exit(f"FAILED: {' '.join(map(str, command))} ended with {status}:\n{output}")
    return output


def two_runs_agree(programs, name):
    """Also that the plain program computes what the library's does, and that the seed matters."""
    program, arguments, needed = EXAMPLES[name]
    if needed and not needed.exists():
        print(f"SKIPPED: {needed} is not there (script/packages data)")
        sys.exit(SKIP)
    for threads in THREADS:
        command = [programs / program, *arguments, "--threads", threads]
        first, second = result(command), result(command)
        print(f"{program} with {threads} threads: {first.splitlines()[-1]}")
        if first != second:
            sys.exit(f"FAILED: two runs differ:\n{first}{second}")
        if program == "kmeans_plain" and result([programs / "kmeans", *command[1:]]) != first:
            sys.exit("FAILED: kmeans and kmeans_plain differ")
        if name != "tsp_exact" and result([*command, "--seed", "2"]) == first:
            sys.exit("FAILED: another seed gives the same result")


def region_undoes(programs, name):
    """What Belay undoes ends as what is undone by hand."""
    for arguments, expected in REGIONS[name]:
        outputs = [result([programs / program, *arguments])
                   for program in (name, name, f"{name}_by_hand")]
        print(f"{name} {' '.join(arguments)}: {' '.join(outputs[0].split())}")
        if len(set(outputs)) != 1 or not outputs[0].startswith(expected):
            sys.exit(f"FAILED: {expected} was expected, twice by Belay and by hand:\n"
                     + "".join(outputs))


def savepoints_agree(programs, name):
    """Whatever way the program goes back, it comes to the same."""
    outputs = [result([programs / name, *arguments]) for arguments in SAVEPOINTS[name]]
    print(f"{name}: {' '.join(outputs[0].split())}")
    if len(set(outputs)) != 1 or not outputs[0].startswith(SAVEPOINT_LINES[name]):
        sys.exit("FAILED: not one result:\n" + "".join(outputs))
    if result([programs / name, *SAVEPOINTS[name][0], "--seed", "2"]) == outputs[0]:
        sys.exit("FAILED: another seed gives the same result")


def hello_undoes(programs):
    """The payment that the first purse can't make is undone."""
    output, status = run([programs / "hello_region"], "/nonexistent")
    if (status, output) != (0, "10: 40 20 10\n35: 5 20 45\n60: 5 20 45\n"):
        sys.exit(f"FAILED: ended with {status} and printed:\n{output}")


def hello_goes_back(programs):
    """Of nine crosses one is left."""
    output, status = run([programs / "hello_savepoint"], "/nonexistent")
    if (status, output) != (0, "...\n...\n..x\n9 tried\n"):
        sys.exit(f"FAILED: ended with {status} and printed:\n{output}")


def hello_comes_back(programs):
    """Killed in the middle, it goes on with the next step."""
    with tempfile.TemporaryDirectory() as store:
        first = run([programs / "hello_checkpoint"], store)
        second = run([programs / "hello_checkpoint"], store)
    if first[1] != -signal.SIGKILL or second[1] != 0:
        sys.exit(f"FAILED: exit statuses {first[1]}, {second[1]}:\n{first[0]}{second[0]}")
    steps = [f"step {n}" for n in range(1, 6)]
    if second[0].splitlines()[-2:] != steps[3:]:
        sys.exit(f"FAILED: the second run printed:\n{second[0]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("example",
                        choices=[*EXAMPLES, *REGIONS, *SAVEPOINTS, "hello_checkpoint",
                                 "hello_region", "hello_savepoint"])
    options = parser.parse_args()
    if options.example == "hello_checkpoint":
        hello_comes_back(options.programs)
    elif options.example == "hello_region":
        hello_undoes(options.programs)
    elif options.example == "hello_savepoint":
        hello_goes_back(options.programs)
    elif options.example in SAVEPOINTS:
        savepoints_agree(options.programs, options.example)
    elif options.example in REGIONS:
        region_undoes(options.programs, options.example)
    else:
        two_runs_agree(options.programs, options.example)


if __name__ == "__main__":
    main()
