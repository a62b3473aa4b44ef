#!/usr/bin/env python3
"""Goal: a program killed by SIGKILL again and again, at any moment, finishes with the result and
the files of an undisturbed run.

usage: campaign.py --belay BELAY --programs DIR PROGRAM... [--rounds N] [--seed N] [--full]

A round runs a program in a folder of its own and kills it a few times: at a phase of a checkpoint
or of a restore (BELAY_CRASH_AT), or from outside after a random time; then lets it finish. Under
`belay run`, the command or the program is killed, and the same command given again; in library
mode the program is simply run again. A failed round keeps its folder and says how to replay it.
"""

import argparse
import collections
import fcntl
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77  # CTest's SKIP_RETURN_CODE
PHASES = ["copy", "pause", "write", "sync", "switch", "full", "restore"]
OUTSIDE = "outside"
KILLS_PER_ROUND = 3
HITS_WANTED = 10  # of each phase, of a full campaign
TIMEOUT_S = 120  # of one start of a program: a hang is a failure
PICTURES = pathlib.Path("/usr/share/datasets/fashion-mnist")
CITIES = pathlib.Path("/usr/share/zoneinfo/zone1970.tab")

POINTS = ["--points", "20000", "--dims", "20", "--rounds", "400", "--threads", "2"]
Program = collections.namedtuple("Program", "file arguments supervised needs", defaults=[None])


def torture(threads, steps):
    """Both faces of the torture program; it takes the folder of its output as its last argument."""
    arguments = [str(threads), str(steps), "{seed}", "{folder}"]
    return {
        f"torture{threads}": Program("torture", arguments, False),
        f"torture_plain{threads}": Program("torture_plain", arguments, True),
    }


PROGRAMS = {
    **torture(1, 2000), **torture(8, 1500), **torture(64, 500), **torture(1000, 50),
    "tsp": Program("tsp", ["--rounds", "20", "--perturbations", "600", "--threads", "2"], True,
                   CITIES),
    "kmeans": Program("kmeans", POINTS, False),
    "kmeans_plain": Program("kmeans_plain", POINTS, True),
    "sgd": Program("sgd", ["--pictures", "4000", "--rounds", "4", "--threads", "2"], False,
                   PICTURES),
}


class Failure(Exception):
    """What went wrong in a round, as a sentence."""


def result_of(folder):
    """What a run leaves: its checksum, and its files, lines of the shared log in any order."""
    text = (folder / "stdout").read_text(errors="replace")
    lines = [line for line in text.splitlines() if line.startswith("checksum ")]
    files = {}
    for path in sorted((folder / "out").iterdir()):
        data = path.read_bytes()
        files[path.name] = sorted(data.splitlines()) if path.name == "log" else data
    return lines[-1] if lines else text[-300:], files


def find_program(options, name):
    for folder in options.programs:
        if (folder / name).exists():
            return folder / name
    sys.exit(f"FAILED: there is no {name} in {' '.join(map(str, options.programs))}")


class Round:
    """One program in one folder, from its start over its kills to its end."""

    def __init__(self, options, program, folder, seed):
        self.options = options
        self.program = program
        self.folder = folder
        self.seed = seed
        self.random = random.Random(seed)
        self.hits = collections.Counter()
        (folder / "out").mkdir(parents=True)

    def command(self, supervised):
        replace = {"{seed}": "1", "{folder}": str(self.folder / "out")}
        program = [str(find_program(self.options, self.program.file)),
                   *[replace.get(a, a) for a in self.program.arguments]]
        if not supervised:
            return program
        return [str(self.options.belay), "run", "--max-restarts", "0", "--", *program]

    def start(self, supervised, **environment):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("BELAY_")}
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "ab") as err:
            return subprocess.Popen(
                self.command(supervised), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                cwd=self.folder, env={**inherited, **environment})

    def undisturbed(self):
        """The result, and how long it took."""
        began = time.monotonic()
        process = self.start(False, BELAY_STORE=str(self.folder / "store"),
                             BELAY_INTERVAL_MS=str(2**32 - 1))
        if process.wait(TIMEOUT_S) != 0:
            raise Failure(f"an undisturbed run ended with {process.returncode}")
        return result_of(self.folder), time.monotonic() - began

    def killed_or_done(self, kill, patience_s):
        """Runs the program until it is killed (False) or done (True)."""
        environment = {
            "BELAY_STORE": str(self.folder / "store"),
            "BELAY_INTERVAL_MS": str(self.random.choice([5, 20, 60])),
            "BELAY_RETENTION": str(self.random.choice([1, 3])),
        }
        if kill in PHASES:
            reached = 1 if kill == "restore" else self.random.randint(1, 2)
            environment["BELAY_CRASH_AT"] = f"{kill}:{reached}"
        with open(self.folder / "stderr", "a", encoding="utf-8") as log:
            print(f"--- {kill or 'to the end'} {environment}", file=log)
        process = self.start(self.program.supervised, **environment)
        sent = False
        try:
            if kill == OUTSIDE:
                try:
                    process.wait(self.random.uniform(0.02, patience_s))
                except subprocess.TimeoutExpired:
                    sent = self.kill_from_outside(process)
            code = process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            if not self.options.keep_hung:
                self.kill_from_outside(process)
                process.kill()
            raise Failure(f"process {process.pid} hangs ({kill or 'no kill'})") from None
        if code == 0:
            return True
        if code not in (-signal.SIGKILL, 128 + signal.SIGKILL) or kill is None:
            raise Failure(f"ended with {code} ({kill or 'no kill'})")
        self.hits[OUTSIDE if sent else kill] += 1
        self.wait_until_unlocked()
        return False

    def wait_until_unlocked(self):
        """A program dies a moment after the command that supervised it."""
        lock = self.folder / "store" / self.program.file / "lock"
        if lock.exists():
            with open(lock, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)

    def kill_from_outside(self, process):
        """The program, or the command that supervises it; either takes the other along."""
        victim = process.pid
        if self.program.supervised and self.random.random() < 0.7:
            try:
                path = f"/proc/{process.pid}/task/{process.pid}/children"
                children = pathlib.Path(path).read_text(encoding="ascii").split()
                victim = int(children[0]) if children else victim
            except OSError:
                pass
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def run(self, kills, undisturbed, patience_s):
        done = False
        for kill in [*kills, None]:
            done = done or self.killed_or_done(kill, patience_s)
        got = result_of(self.folder)
        if got[0] != undisturbed[0]:
            raise Failure(f"the result is {got[0]}, undisturbed it is {undisturbed[0]}")
        for name in sorted(got[1].keys() | undisturbed[1].keys()):
            if got[1].get(name) != undisturbed[1].get(name):
                raise Failure(f"the file {name} differs from that of an undisturbed run")


def planned_kills(rng):
    """Endless rounds of kills; each phase comes equally often."""
    deck = []
    while True:
        kills = []
        while len(kills) < KILLS_PER_ROUND:
            if not deck:
                deck = [*PHASES, OUTSIDE]
                rng.shuffle(deck)
            kills.append(deck.pop())
        # A restore can only be met when there is a checkpoint, thus not at first.
        kills.sort(key=lambda kill: kill == "restore")
        yield kills


def campaign(options, name, parent):
    """All rounds of one program. Returns the number of failures."""
    program = PROGRAMS[name]
    if program.needs and not program.needs.exists():
        print(f"{name}: SKIPPED: {program.needs} is not there (script/packages data)")
        return None
    first = Round(options, program, parent / f"{name}.undisturbed", options.seed)
    undisturbed, duration_s = first.undisturbed()
    print(f"{name}: {undisturbed[0]}, undisturbed in {duration_s:.2f} s", flush=True)
    hits, failures, began = collections.Counter(), 0, time.monotonic()
    rng = random.Random(f"{options.seed} {name}")
    plan = planned_kills(rng)
    number = 0
    while number < options.rounds or (options.full and number < 4 * options.rounds and
                                      min(hits[phase] for phase in PHASES) < HITS_WANTED):
        kills, round_seed = next(plan), rng.getrandbits(48)
        number += 1
        if options.only and number != options.only:
            continue
        this = Round(options, program, parent / f"{name}.{number}", round_seed)
        try:
            this.run(kills, undisturbed, duration_s)
            shutil.rmtree(this.folder)
        except Failure as failure:
            failures += 1
            print(f"{name}: round {number} {kills}: FAILED: {failure}\n"
                  f"    kept: {this.folder}\n    again: {replay(options, name, number)}",
                  flush=True)
        hits.update(this.hits)
    missed = [phase for phase in PHASES if options.full and hits[phase] < HITS_WANTED]
    if missed and not options.only:
        failures += 1
        print(f"{name}: FAILED: fewer than {HITS_WANTED} hits of {', '.join(missed)}")
    counts = ", ".join(f"{phase} {hits[phase]}" for phase in [*PHASES, OUTSIDE])
    print(f"{name}: {number} rounds in {time.monotonic() - began:.0f} s, killed at: {counts}; "
          f"{failures} failed", flush=True)
    return failures


def replay(options, name, number):
    folders = " ".join(f"--programs {folder}" for folder in options.programs)
    return (f"{sys.argv[0]} --belay {options.belay} {folders} {name} "
            f"--seed {options.seed} --rounds {number} --only {number}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--belay", type=pathlib.Path, required=True, help="the belay command")
    parser.add_argument("--programs", type=pathlib.Path, required=True, action="append",
                        help="a folder with programs; may be given more than once")
    parser.add_argument("--rounds", type=int,
                        default=int(os.environ.get("BELAY_CAMPAIGN_ROUNDS", "4")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("BELAY_SEED", "0")))
    parser.add_argument("--full", action="store_true",
                        default=os.environ.get("BELAY_TEST_FULL") == "1",
                        help=f"go on until each phase was hit {HITS_WANTED} times")
    parser.add_argument("--only", type=int, help="replay this one round")
    parser.add_argument("--keep-hung", action="store_true", help="leave a hung process to gdb")
    parser.add_argument("program", nargs="+", choices=[*PROGRAMS])
    options = parser.parse_args()
    options.seed = options.seed or random.SystemRandom().getrandbits(32)
    options.belay = options.belay.resolve()
    options.programs = [folder.resolve() for folder in options.programs]
    return options


def main():
    options = parse_arguments()
    print(f"seed {options.seed}")
    parent = pathlib.Path(tempfile.mkdtemp(prefix="belay-campaign."))
    results = [campaign(options, name, parent) for name in options.program]
    if any(results):
        sys.exit(1)
    shutil.rmtree(parent)
    if all(result is None for result in results):
        sys.exit(SKIP)


if __name__ == "__main__":
    main()
