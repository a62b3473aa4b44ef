"""Goal: a guest whose kernel panics is brought back to its snapshot, by `belay vm` and the server
together; one that panics again and again is given up with a sentence and a status, and the server
lives on, for other machines and clients.

usage: vm_faults.py BELAY PANICS LEARNER GUEST_CACHE
"""

import pathlib
import subprocess
import sys
import tempfile

from drivers import EXIT_SKIP, EXIT_UNAVAILABLE, LIMIT_S, Server

KERNEL_CRASHES = 3


def expect(condition, what):
    if not condition:
        sys.exit(f"vm_faults: {what}")


def main(belay, panics, learner, cache):
    with tempfile.TemporaryDirectory(prefix="belay-vm-faults-") as name:
        folder = pathlib.Path(name)
        machine = subprocess.Popen(
            [belay, "vm", "--folder", folder / "vm", "--cache", cache, "--env",
             "BELAY_AU=train", "--", panics],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = []
        for line in machine.stderr:
            said.append(line)
            print("  ", line.strip())
            if "takes its snapshots" in line:
                break
        else:
            expect(machine.wait(LIMIT_S) == EXIT_UNAVAILABLE, said)
            print("virtual machines need packages that are not here")
            sys.exit(EXIT_SKIP)
        with Server(belay, folder, "--vm", folder / "vm") as server:
            output, errors = machine.communicate(timeout=LIMIT_S)
            print(errors)
            expect(machine.returncode == EXIT_UNAVAILABLE, f"{machine.returncode}: {output}")
            lines = [word for word in output.split() if word in ("taken", "restored")]
            expect(lines == ["taken"] + (KERNEL_CRASHES - 1) * ["restored"], output)
            expect(errors.count("is started again") == KERNEL_CRASHES - 1, errors)
            expect("Kernel panic" in errors and "3rd time" in errors, errors)
            expect(not list((folder / "vm").iterdir()), list((folder / "vm").iterdir()))
            client = subprocess.run(
                [learner], input="request\ncheckpoint\n", text=True, capture_output=True,
                cwd=folder, timeout=LIMIT_S,
                env={"BELAY_AU": "train", "BELAY_AU_SERVER": server.address, "PATH": "/bin"})
            expect("1 0" in client.stdout.splitlines()[1], client)
            expect(server.process.poll() is None, "the server has ended")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
