#!/usr/bin/env python3
"""Goal: snapshots of the driver `criu`: several, each of which can be gone back to, taken of a
program that the server ends and brings back. Skipped where CRIU does not run, as the server says.

usage: criu.py --belay COMMAND --learner PROGRAM CASE     (BELAY_CRIU: the CRIU to be used)
"""

import argparse
import os
import pathlib
import signal
import subprocess
import threading

from harness import Learner, ServerTest, Skip, expect

UNAVAILABLE = 69
CRIU = os.environ.get("BELAY_CRIU", "criu")


class Test(ServerTest):
    def begin(self):
        """A server with CRIU, and a program whose end its parent takes notice of."""
        tried = subprocess.run([self.options.belay, "serve", "--state", self.folder / "tried",
                                "--criu", "/nonexistent/criu"], capture_output=True, text=True)
        expect(tried.returncode == UNAVAILABLE and "CRIU does not run" in tried.stderr, tried)
        self.start_criu()
        learner = Learner(self, f"unix:{self.socket}", BELAY_AU_DRIVER="criu", BELAY_AU_CLIENT="c")
        threading.Thread(target=learner.process.wait, daemon=True).start()
        self.pid = learner.process.pid
        return learner

    def start_criu(self):
        self.server = subprocess.Popen(
            [self.options.belay, "serve", "--state", str(self.state), "--criu", CRIU],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.running.append(self.server)
        if self.server.stdout.readline().strip() != f"unix:{self.socket}":
            expect(self.server.wait(60) == UNAVAILABLE, "it ended otherwise")
            raise Skip(self.server.stderr.read().strip())

    def taken(self, learner):
        counter = learner.say("count")
        learner.say("request")
        said = learner.say("checkpoint")
        expect(said.split() == ["1", counter], f"{said} {(learner.folder / 'errors').read_text()}")
        return self.snapshots()[-1]["id"], counter

    def go_to(self, learner, name, counter):
        self.ctl("select", "c", name)
        said = learner.say("restore")
        expect(said.split() == ["2", counter],
               f"{name}: {said} instead of {counter}: {(learner.folder / 'errors').read_text()}")

    def finish(self, learner):
        learner.process.stdin.close()
        self.wait_for(lambda: not pathlib.Path(f"/proc/{self.pid}").exists())
        self.pid = 0

    def close(self, keep):
        if getattr(self, "pid", 0):  # the program that was brought back is nobody's child
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        super().close(keep)

    def several(self):
        """Older and newer, in any order, models kept; deleted ones leave the disk; a damaged one is
        refused and the program goes on; a server that is killed and started again knows them."""
        learner = self.begin()
        learner.say("decide 1")
        made = [self.taken(learner) for _ in range(3)]
        expect([one["id"] for one in self.snapshots()] == [name for name, _ in made], "listed")
        for index in (0, 2, 1):
            self.go_to(learner, *made[index])
            learner.say("decide 1")
        expect(learner.say("show").split()[1] == "4", "the model has gone back")
        images = self.state / "clients/c/images"
        with (images / made[0][0] / "pages-1.img").open("r+b") as pages:
            pages.write(b"damage")
        self.ctl("select", "c", made[0][0])
        expect(learner.say("restore").startswith("-1"), "a damaged image is restored")
        expect("pages-1.img differs" in (learner.folder / "errors").read_text(), "it is told why")
        self.ctl("delete", "c", made[0][0])
        self.wait_for(lambda: not (images / made[0][0]).exists())
        self.kill()
        self.start_criu()
        self.wait_for(lambda: learner.say("checkpoint") and self.client("c")["connected"])
        expect([one["id"] for one in self.snapshots()] == [name for name, _ in made[1:]], "known")
        self.go_to(learner, *made[1])
        made.append(self.taken(learner))
        self.go_to(learner, *made[2])
        self.finish(learner)
        self.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--belay", required=True)
    parser.add_argument("--learner", required=True, type=pathlib.Path)
    parser.add_argument("case", choices=("several",))
    options = parser.parse_args()
    Test(options).run_case(options.case)


if __name__ == "__main__":
    main()
