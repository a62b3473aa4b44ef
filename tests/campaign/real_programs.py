#!/usr/bin/env python3
"""Goal: programs of the system, which know nothing of Belay, finish under `belay run` with the
output of an undisturbed run although they are killed by SIGKILL in the middle.

usage: real_programs.py --belay BELAY PROGRAM
PROGRAM is a name below, or the path of another program that takes no arguments.
"""

import argparse
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIP = 77  # CTest's SKIP_RETURN_CODE
TIMEOUT_S = 120
KILLS = 3

PYTHON = """
import hashlib, sys, threading
lock, log, results = threading.Lock(), open("written", "w"), [None] * 3
def work(number):
    digest, seen = hashlib.sha256(str(number).encode()), {}
    for i in range(150000):
        seen[i % 1000] = digest.hexdigest()
        digest.update(seen[i % 1000].encode() + str(i).encode())
    results[number] = digest.hexdigest()
    with lock:
        log.write("a thread is done\\n" * 100)
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(*results, sep="\\n")
"""
PERL = """
my %seen; $| = 1;
for my $i (1..2000000) { $seen{$i % 50021} .= chr(65 + $i % 26); print "$i\\n" if $i % 50000 == 0; }
my $sum = 0; for (sort keys %seen) { $sum = ($sum * 31 + length($seen{$_}) * $_) % 1000003; }
print "sum $sum\\n";
"""
AWK = """{ sum = (sum * 31 + $1) % 1000003; all[$1 % 100000] = all[$1 % 100000] $2 }
END { for (i = 0; i < 100000; i += 1000) print i, length(all[i]); print sum }"""

# "numbers" is a generated file in the working directory.
PROGRAMS = {
    "python": [os.path.realpath(sys.executable), "-c", PYTHON],
    "perl": ["perl", "-e", PERL],
    "awk": ["awk", AWK, "numbers"],
    "sort": ["sort", "--parallel=2", "-n", "numbers", "-o", "written"],
    "gzip": ["gzip", "-9", "-n", "-c", "numbers"],
    "xz": ["xz", "-T2", "-2", "-c", "numbers"],
}


def write_numbers(folder, seed):
    rng = random.Random(seed)
    text = "".join(f"{rng.getrandbits(30)} {i}\n" for i in range(600_000))
    (folder / "numbers").write_text(text)


def result_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()
            if path.name in ("stdout", "written")}


def start(command, folder, **environment):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("BELAY_")}
    with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as err:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                cwd=folder, env={**inherited, **environment})


def kill_child(command):
    """The program that `belay run` supervises, unless it is done."""
    path = pathlib.Path(f"/proc/{command.pid}/task/{command.pid}/children")
    try:
        os.kill(int(path.read_text(encoding="ascii").split()[0]), signal.SIGKILL)
    except (OSError, IndexError):
        pass


def disturbed(options, program, folder, duration_s, rng):
    """Runs under `belay run` and kills the program; how often it came back."""
    command = start([options.belay, "run", "--", *program], folder, BELAY_INTERVAL_MS="50",
                    BELAY_STORE=str(folder / "store"),
                    BELAY_VERIFY=rng.choice(["ahead", "touch"]))
    for _ in range(KILLS):
        try:
            command.wait(rng.uniform(0.2, 0.8) * duration_s)
            break
        except subprocess.TimeoutExpired:
            kill_child(command)
    status, said = command.wait(TIMEOUT_S), (folder / "stderr").read_text()
    if status != 0 or re.search(r"killed by (?!SIGKILL)", said):
        raise AssertionError(f"ended with {status}: {said[-500:]}")
    return said.count("it goes on from checkpoint")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--belay", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("BELAY_SEED", "1")))
    parser.add_argument("program")
    options = parser.parse_args()
    options.belay = options.belay.resolve()
    program = PROGRAMS.get(options.program, [options.program])
    if not shutil.which(program[0]):
        print(f"SKIPPED: {program[0]} is not there")
        sys.exit(SKIP)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="belay-program."))
    write_numbers(folder, options.seed)
    began = time.monotonic()
    if start(program, folder).wait(TIMEOUT_S) != 0:
        sys.exit(f"FAILED: {program[0]} does not run undisturbed")
    duration_s = time.monotonic() - began
    wanted = result_of(folder)
    restores, rng = 0, random.Random(options.seed)
    for attempt in range(5):
        restores += disturbed(options, program, folder, duration_s, rng)
        if result_of(folder) != wanted:
            sys.exit(f"FAILED: another result, seed {options.seed}, attempt {attempt}; kept: "
                     f"{folder}")
        if restores >= KILLS:
            break
    if restores == 0:
        sys.exit(f"FAILED: it never came back from a checkpoint, seed {options.seed}: {folder}")
    print(f"{options.program}: {duration_s:.2f} s undisturbed, came back {restores} times")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
