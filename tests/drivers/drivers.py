"""Goal: the same training, under each driver of snapshots, finds the same program state after each
restore, and the same surviving model: in the process, on disk, and as a whole virtual machine,
whose QEMU is killed on the way.

usage: drivers.py BELAY TRAINING GUEST_CACHE DRIVER...
"""

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


def play_here(belay, training, folder, driver):
    with Server(belay, folder) as server:
        environment = {**os.environ, "BELAY_AU": "train", "BELAY_AU_SERVER": server.address,
                       "BELAY_AU_DRIVER": driver, "BELAY_AU_MODELS": str(folder),
                       "BELAY_STORE": str(folder / "store")}
        result = subprocess.run([training, ROUNDS, STEPS], env=environment, text=True,
                                stdout=subprocess.PIPE, timeout=LIMIT_S)
    if result.returncode:
        sys.exit(f"{driver}: the program has ended with {result.returncode}: {result.stdout}")
    return played(result.stdout)


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
    for driver in drivers:
        print(f"{driver}:", flush=True)
        with tempfile.TemporaryDirectory(prefix="belay-drivers-") as name:
            folder = pathlib.Path(name)
            results[driver] = (play_in_machine(belay, training, folder, cache)
                               if driver == "vm" else play_here(belay, training, folder, driver))
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
