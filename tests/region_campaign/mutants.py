#!/usr/bin/env python3
"""Goal: each bug of src/region/mutants.def makes the campaign, or a victim of tests/region, fail.

usage: mutants.py --build DIR --drivers DIR [MUTANT...] [--programs N]
Without names, a sample chosen by BELAY_SEED; with BELAY_TEST_FULL=1 all.

A mutant that survives its test, and then the others, is a failure of this test. Without a mutant
the same build must pass.
"""

import argparse
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DEFINITION = re.compile(r'^BELAY_MUTANT_DEF\((\w+), (\w+),\s+"(.*)"\)', re.M)
# The seeds of programs that together notice all mutants, or soon do.
PROGRAMS = {"c": 24, "mixed": 24, "cpp": 12, "hash": 24, "shadow": 24}
LANGUAGES = {"cpp": "c++", "hash": "c", "shadow": "mixed"}
SWITCHES = {"hash": "-mllvm -belay-buffer=hash", "shadow": "-mllvm -belay-shadow -DRG_NO_COMPARE"}
SEED = 1
SAMPLE = 2  # mutants, unless BELAY_TEST_FULL=1
SAMPLE_PROGRAMS = 3  # that must pass without a mutant, likewise
WAYS = ["-O0", "-O2", "-O2 -mllvm -belay-buffer=hash"]
EX_FAILED = 1


def run_campaign(options, kind, mutant):
    """(failed, the first line that says why)."""
    programs = options.programs or PROGRAMS[kind]
    if not mutant and os.environ.get("BELAY_TEST_FULL") != "1":
        programs = SAMPLE_PROGRAMS
    extra = [f"--switches={SWITCHES[kind]}"] if kind in SWITCHES else []
    command = [sys.executable, "-B", str(HERE / "region_campaign.py"), "--drivers",
               str(options.drivers), LANGUAGES.get(kind, kind), "--seed", str(SEED),
               "--programs", str(programs), "--first", "--no-reduce",
               *extra]
    failed, why = run(command, mutant)
    return failed and (kind != "shadow" or not mutant or "belay: shadow" in why), why


def run_victim(options, name, mutant):
    source = next(path for path in (ROOT / "tests/region/victims").glob(name + ".*")
                  if path.suffix in (".c", ".cc"))
    sources = [str(source), *map(str, source.parent.glob(f"{name}_other{source.suffix}"))]
    with tempfile.TemporaryDirectory(prefix="belay-mutants.") as folder:
        for way in WAYS:
            failed, why = run([sys.executable, "-B", str(ROOT / "tests/region/run_victim.py"),
                               "--drivers", str(options.drivers), "--work", folder, *sources,
                               "--", *way.split()], mutant)
            if failed:
                return True, f"{name} {way}: {why}"
    return False, ""


def run(command, mutant):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BELAY_", "RG_"))}
    if mutant:
        environment["BELAY_MUTANT"] = mutant
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment,
                          stdin=subprocess.DEVNULL)
    said = done.stdout + done.stderr
    shadow = [line.strip() for line in said.splitlines() if "belay: shadow" in line]
    lines = shadow or [line for line in said.splitlines()
                       if re.search(r"FAILED|not so|status|said|wrote|error", line)]
    return done.returncode == EX_FAILED, (lines or [""])[0][:160]


def notice(options, test, mutant):
    if test in PROGRAMS:
        return run_campaign(options, test, mutant)
    return run_victim(options, test, mutant)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--drivers", type=pathlib.Path, required=True)
    parser.add_argument("--programs", type=int, help="at most, for each mutant")
    parser.add_argument("mutant", nargs="*")
    options = parser.parse_args()
    subprocess.run(["cmake", "--build", str(options.build), "--target", "region_mutants"],
                   check=True, stdout=subprocess.DEVNULL)
    all_mutants = DEFINITION.findall((ROOT / "src/region/mutants.def").read_text())
    if not options.mutant and os.environ.get("BELAY_TEST_FULL") != "1":
        seed = int(os.environ.get("BELAY_SEED", "1"))
        chosen = random.Random(seed).sample(all_mutants, SAMPLE)
        options.mutant = [name for name, _, _ in chosen]
        print(f"seed {seed}: {' '.join(options.mutant)}", flush=True)
    survivors = 0
    tests = sorted({test for name, test, _ in all_mutants
                    if not options.mutant or name in options.mutant})
    for test in tests:
        failed, why = notice(options, test, None)
        if failed:
            survivors += 1
            print(f"FAILED: {test} without a mutant: {why}", flush=True)
    for name, test, what in all_mutants:
        if options.mutant and name not in options.mutant:
            continue
        began = time.monotonic()
        noticed, why = notice(options, test, name)
        if not noticed:
            survivors += 1
        print(f"{'noticed' if noticed else 'FAILED: survived'}: {name} ({what}) by {test} in "
              f"{time.monotonic() - began:.0f} s: {why}", flush=True)
    print(f"{len(options.mutant or all_mutants)} mutants, {survivors} failed")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
