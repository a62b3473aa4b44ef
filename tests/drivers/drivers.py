"""Goal: the same training, under each driver of snapshots, finds the same program state after each
restore, and the same surviving model: in the process, on disk, by CRIU where it runs, and as a
whole virtual machine, whose QEMU is killed on the way. Of two snapshots, it goes back to the one
that the user has chosen.

usage: drivers.py BELAY TRAINING GUEST_CACHE DRIVER...
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

EXIT_SKIP, EXIT_UNAVAILABLE = 77, 69
ROUNDS, STEPS = "4", "300"
LIMIT_S = 240
CRIU = os.environ.get("BELAY_CRIU", "criu")
KILLED_AT = 2  # after so many restores
LINE = re.compile(r"(taken|restored) (world \w+) (model \w+ decisions \d+)")


class Server:
    """belay serve, with a folder of its own."""

    def __init__(self, belay, folder, *options):
        self.process = subprocess.Popen(
            [belay, "serve", "--state", folder / "state", "--no-view", *options],
            stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise RuntimeError(f"belay serve has ended with {self.process.wait()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(LIMIT_S)


def played(output):
    """What the program said at its checkpoint: the first time, and after each restore."""
    lines = LINE.findall(output)
    for line in lines:
        print("  ", *line)
    return lines


def qemu_of(command):
    """belay vm has one child, that of one of its threads."""
    for children in pathlib.Path(f"/proc/{command}/task").glob("*/children"):
        if children.read_text():
            return int(children.read_text())
    raise RuntimeError("no QEMU")


def runs_criu():
    try:
        return subprocess.run([CRIU, "check"], capture_output=True).returncode == 0
    except OSError:
        return False


def play_here(belay, training, folder, driver, *two):
    """With `two` it goes back to the older and to the newer of two snapshots, in turn."""
    options = ["--criu", CRIU] if driver == "criu" else []
    with Server(belay, folder, *options) as server, open(folder / "errors", "w+") as errors:
        environment = {**os.environ, "BELAY_AU": "train", "BELAY_AU_SERVER": server.address,
                       "BELAY_AU_DRIVER": driver, "BELAY_AU_MODELS": str(folder),
                       "BELAY_STORE": str(folder / "store"), "BELAY_AU_CLIENT": "here"}
        rounds = str(2 * int(ROUNDS)) if two else ROUNDS
        program = subprocess.Popen([training, rounds, STEPS, *two], env=environment, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        # CRIU brings the program back under its id, which has to be free.
        reaper = threading.Thread(target=program.wait)
        reaper.start()
        output, turn = [], 0
        for line in program.stdout:
            output.append(line)
            if two and line.startswith("going back"):
                choose(belay, folder, turn % 2)
                turn += 1
                program.stdin.write("x")
                program.stdin.flush()
        reaper.join()
        errors.seek(0)
        if program.returncode != (-signal.SIGKILL if driver == "criu" else 0):
            sys.exit(f"{driver}: it has ended with {program.returncode}: {output} {errors.read()}")
    return played("".join(output))


def choose(belay, folder, index):
    def ctl(*words):
        return subprocess.run([belay, "ctl", "--state", folder / "state", *words], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
    ids = [one["id"] for one in json.loads(ctl("list", "--json"))["snapshots"]]
    ctl("select", "here", ids[index])


def play_in_machine(belay, training, folder, cache):
    machine = subprocess.Popen(
        [belay, "vm", "--folder", folder / "vm", "--cache", cache, "--env", "BELAY_AU=train", "--",
         training, ROUNDS, STEPS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output = []

    def read():
        for line in machine.stdout:
            output.append(line)
            if "".join(output).count("restored ") == KILLED_AT and line.startswith("restored "):
                os.kill(qemu_of(machine.pid), signal.SIGKILL)
    reader = threading.Thread(target=read)
    reader.start()
    # Its program waits at its checkpoint for a server.
    ready = False
    for line in machine.stderr:
        print("  ", line.strip())
        ready = "takes its snapshots" in line
        if ready:
            break
    if ready:
        with Server(belay, folder, "--vm", folder / "vm"):
            errors = machine.stderr.read()
            machine.wait(LIMIT_S)
    reader.join()
    output = "".join(output)
    if machine.wait(LIMIT_S) == EXIT_UNAVAILABLE:
        print("virtual machines need packages that are not here")
        sys.exit(EXIT_SKIP)
    if machine.returncode:
        sys.exit(f"vm: ended with {machine.returncode}: {output}{errors}")
    if "is started again" not in errors:
        sys.exit(f"vm: QEMU was not killed: {errors}")
    # It went on with the models that it had SET: those of the restore before, or of the next.
    lines = played(output)
    return [line for i, line in enumerate(lines) if line not in lines[:i]]


def main(belay, training, cache, *drivers):
    results = {}
    if "criu" in drivers and not runs_criu():
        print(f"criu: left out: '{CRIU} check' says that it does not run here")
        drivers = [driver for driver in drivers if driver != "criu"]
    for driver in drivers:
        print(f"{driver}:", flush=True)
        with tempfile.TemporaryDirectory(prefix="belay-drivers-") as name:
            folder = pathlib.Path(name)
            results[driver] = (play_in_machine(belay, training, folder, cache)
                               if driver == "vm" else play_here(belay, training, folder, driver))
    two = {}
    for driver in (name for name in drivers if name != "vm"):
        print(f"{driver}, two snapshots:", flush=True)
        with tempfile.TemporaryDirectory(prefix="belay-drivers-") as name:
            two[driver] = play_here(belay, training, pathlib.Path(name), driver, "two")
    for driver, lines in two.items():
        older, newer = (world for _, world, _ in lines[:2])
        back = [world for kind, world, _ in lines if kind == "restored"]
        if len(back) < 3 or any(world != (older, newer)[at % 2] for at, world in enumerate(back)):
            sys.exit(f"{driver}: not the state of the snapshot that was chosen")
        if len({model for _, _, model in lines}) != len(lines):
            sys.exit(f"{driver}: the model has not kept what it has learnt")
        if lines != two["savepoint"]:
            sys.exit(f"{driver} and savepoint differ")
    for driver, lines in results.items():
        if [line[0] for line in lines] != ["taken"] + int(ROUNDS) * ["restored"]:
            sys.exit(f"{driver}: the program was not restored {ROUNDS} times")
        if len({world for _, world, _ in lines}) != 1:
            sys.exit(f"{driver}: the program's state is not what it was at the checkpoint")
        if len({model for _, _, model in lines}) != len(lines):
            sys.exit(f"{driver}: the model has not kept what it has learnt")
        if lines != results[drivers[0]]:
            sys.exit(f"{driver} and {drivers[0]} differ")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
