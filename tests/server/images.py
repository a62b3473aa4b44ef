#!/usr/bin/env python3
"""Goal: snapshots of the driver `process`, which are images on disk: many, each of which can be
gone back to, and none is lost or left over, whoever dies; each case says what it shows.

usage: images.py --belay COMMAND --learner PROGRAM CASE
"""

import argparse
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess

from harness import Learner, ServerTest, expect

PREFIX = "au-"  # of the names of checkpoints that are snapshots


class Test(ServerTest):
    def begin(self, resumes=False, **more):
        """The program, anew or where it was."""
        variables = {"BELAY_AU_DRIVER": "process", "BELAY_AU_CLIENT": "p",
                     "BELAY_STORE": str(self.folder / "store"), **more}
        if resumes:
            variables["BELAY_AU_RESUME"] = "1"
        learner = Learner(self, f"unix:{self.socket}", **variables)
        if resumes:
            expect(learner.process.stdout.readline().startswith("2 "), "it is not back")
        return learner

    @staticmethod
    def take(learner):
        """What it says of a checkpoint that it has asked for: '1 COUNTER'."""
        learner.say("request")
        return learner.say("checkpoint").split(maxsplit=2)

    def taken(self, learner):
        """The id, and what the counter was."""
        counter = learner.say("count")
        expect(self.take(learner)[:2] == ["1", counter], "it was not taken")
        return self.snapshots()[-1]["id"], counter

    def on_disk(self):
        folder = self.folder / "store" / "p" / "named"
        return [path.name.split("@")[0].removeprefix(PREFIX) for path in folder.iterdir()]

    def disk_bytes(self):
        blocks = {(info.st_ino, info.st_blocks) for path in (self.folder / "store").rglob("*")
                  for info in [path.stat()] if path.is_file()}
        return 512 * sum(count for _, count in blocks)

    def listed(self):
        return [snapshot["id"] for snapshot in self.snapshots()]

    def go_to(self, learner, name, counter):
        self.ctl("select", "p", name)
        said = learner.say("restore")
        expect(said.split() == ["2", counter], f"{name}: {said} instead of {counter}")

    def several(self):
        """Restored to any of them, older and newer, in any order; pinned, deleted, limited; what is
        deleted leaves the disk."""
        self.start("--snapshots-max", "4")
        learner = self.begin()
        learner.say("decide 1")
        made = [self.taken(learner) for _ in range(4)]
        expect(self.listed() == [name for name, _ in made], "all are listed")
        for index in (0, 3, 1, 2, 0):
            self.go_to(learner, *made[index])
            learner.say("decide 1")
        expect(int(learner.say("show").split()[1]) == 6, "the model has gone back")
        self.ctl("pin", "p", made[0][0])
        branch = self.taken(learner)
        expect(self.snapshots()[-1]["parent"] == made[0][0], "it does not come from there")
        made = [made[0], made[2], made[3], branch]
        expect(self.listed() == [name for name, _ in made], "the oldest that is not pinned goes")
        self.wait_for(lambda: learner.say("checkpoint") and len(self.on_disk()) == 4)
        expect(sorted(self.on_disk()) == sorted(self.listed()), self.on_disk())
        for name, counter in made:
            self.go_to(learner, name, counter)
        self.ctl("delete", "p", made[0][0], code=1)
        self.ctl("unpin", "p", made[0][0])
        for _ in range(2):  # both generations of the store are those of other checkpoints
            self.go_to(learner, *branch)
            branch = self.taken(learner)
        before = self.disk_bytes()
        for name in self.listed()[:-1]:
            self.ctl("delete", "p", name)
        self.wait_for(lambda: learner.say("checkpoint") and len(self.on_disk()) == 1)
        expect(self.disk_bytes() < 0.7 * before, f"{before} bytes, then {self.disk_bytes()}")
        self.go_to(learner, *branch)
        learner.say("checkpoint")
        expect(self.client("p")["disk_bytes"] > 0, "the views are not told")
        learner.end()
        self.stop()

    def other_run(self):
        """A program that is run anew can go back to what earlier runs have left, to and fro, with
        what its model has learned; or begins there, where the user has said, without a server at
        the newest."""
        self.start()
        made, decisions = [], 0
        for run in range(2):
            learner = self.begin()
            expect(learner.say("count") == "1", "it does not begin anew")
            for name, counter in made:
                self.go_to(learner, name, counter)
                learner.say("decide 1")
                decisions += 1
                expect(learner.say("show").split()[1] == str(decisions), "the model has gone back")
            if not run:
                learner.say("decide 1")
                decisions += 1
            made += [self.taken(learner) for _ in range(3 - run)]
            for name, counter in (made[1], made[-1]):
                self.go_to(learner, name, counter)
            learner.process.kill()
            learner.process.wait()
        for name, counter in (made[1], made[-1]):
            self.ctl("select", "p", name)
            learner = self.begin(True)
            expect(learner.say("count") == str(int(counter) + 1), f"not at {name}")
            self.go_to(learner, *made[0])
            expect(learner.say("show").split()[1] == str(decisions), "its model is not back")
            learner.process.kill()
            learner.process.wait()
        self.ctl("select", "p", made[0][0])
        self.kill()
        learner = self.begin(True)
        expect(learner.say("count") == str(int(made[-1][1]) + 1), "not at the newest")
        learner.end()
        self.start()
        for name in self.listed():
            said = self.ctl("delete", "p", name)
            expect("free when the program runs" in said and str(self.folder) in said, said)
        expect(len(self.on_disk()) == len(made), "nobody is there to remove them")
        learner = self.begin(BELAY_AU_RESUME="1")
        expect(learner.say("count") == "1", "there is nowhere to go on")
        expect(not self.on_disk(), "they are removed when it connects")
        learner.end()
        self.stop()

    def killed(self):
        """kill -9 of the program in each phase of a checkpoint, and of the server while one is
        taken: what was confirmed can be gone back to, and nothing else is left."""
        chance = random.Random(int(os.environ.get("BELAY_SEED", "1")))
        self.start()
        learner = self.begin()
        made = [self.taken(learner)]
        for phase in ("copy", "pause", "write", "sync", "switch", "name"):
            learner.process.kill()
            learner.process.wait()
            learner = self.begin(True, BELAY_CRASH_AT=f"{phase}:2")
            made.append(self.taken(learner))
            learner.say("count")
            expect(not self.take(learner), f"it does not die in phase {phase}")
            learner.process.wait()
            learner = self.begin(True)
            learner.say("checkpoint")
            self.check(learner, made, phase)
        for _ in range(4):
            counter = learner.say("count")
            learner.say("request")
            learner.process.stdin.write("checkpoint\n")
            learner.process.stdin.flush()
            for _ in range(chance.randrange(4)):
                self.ctl("clients")
            self.kill()
            said = learner.process.stdout.readline().split(maxsplit=2)
            self.start()
            self.wait_for(lambda: learner.say("checkpoint") and self.client("p")["connected"])
            # What nobody has confirmed may have come to its end all the same.
            if said[0] == "1" or len(self.listed()) > len(made):
                made.append((self.listed()[-1], counter))
            self.check(learner, made, said)
        learner.end()
        self.stop()

    def check(self, learner, made, what):
        expect(self.listed() == [name for name, _ in made], (what, self.listed(), made))
        expect(sorted(self.on_disk()) == sorted(self.listed()), (what, self.on_disk(), made))
        for name, counter in (made[0], made[-1]):
            self.go_to(learner, name, counter)

    def full_disk(self):
        """No room for one more: the program is told why and plays on, older ones are there; with
        room again, the next one is taken. A limit of the server's makes room by itself."""
        self.start("--disk-max", "1K")
        learner = self.begin()
        learner.say("count")
        first, counter = self.taken(learner)
        self.ctl("pin", "p", first)
        said = self.take(learner)
        expect(said[0] == "-1", said)
        expect("all its snapshots are pinned" in (learner.folder / "errors").read_text(), "why")
        self.ctl("unpin", "p", first)
        second, counter = self.taken(learner)
        expect(self.listed() == [second], "the newest stays, whatever the limit")
        self.kill()
        self.start()
        learner.end()
        learner = Learner(self, f"unix:{self.socket}", before=ignore_xfsz,
                          BELAY_AU_DRIVER="process", BELAY_AU_CLIENT="p",
                          BELAY_STORE=str(self.folder / "store"))
        made = [self.taken(learner) for _ in range(2)]
        resource.prlimit(learner.process.pid, resource.RLIMIT_FSIZE,
                         (100_000, resource.RLIM_INFINITY))
        learner.say("count")
        said = self.take(learner)
        expect(said[0] == "-1" and "not written" in said[2] and "large" in said[2], said)
        expect(self.listed()[-2:] == [name for name, _ in made], "something older is lost")
        self.go_to(learner, *made[0])
        resource.prlimit(learner.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        made.append(self.taken(learner))
        for name, counter in (made[1], made[2], made[0]):
            self.go_to(learner, name, counter)
        learner.end()
        self.stop()


    def kept(self):
        """Nothing on disk is lost to a run of the program under another driver or with another
        store, nor to a server that has lost its own memory; a store may be moved."""
        self.start()
        learner = self.begin()
        made = [self.taken(learner) for _ in range(2)]
        self.ctl("pin", "p", made[0][0])
        learner.end()
        for other in ({"BELAY_AU_DRIVER": "savepoint"},
                      {"BELAY_STORE": str(self.folder / "other")}):
            stranger = self.begin(**other)
            stranger.say("checkpoint")
            said = (stranger.folder / "errors").read_text()
            expect("has 2 snapshots" in said, said)
            expect(not self.client("p")["connected"], f"{other}: it has the name")
            stranger.process.kill()
            stranger.process.wait()
        learner = self.begin()
        self.check(learner, made, "strangers")
        learner.end()
        self.kill()
        entry = self.state / "clients/p/client.json"
        entry.write_text(entry.read_text().replace("process", "progress"))
        self.start()
        expect(not self.listed(), "it is not damaged")
        learner = self.begin()
        learner.say("checkpoint")
        self.check(learner, made, "the server's memory")
        made.append(self.taken(learner))
        learner.end()
        (self.folder / "store").rename(self.folder / "moved")
        learner = self.begin(BELAY_STORE=str(self.folder / "moved"))
        learner.say("checkpoint")
        (self.folder / "store").symlink_to(self.folder / "moved")
        self.check(learner, made, "moved")
        learner.end()
        self.stop()

    def refused(self):
        """Images that can't be gone back to, again and again: an error each time, `belay verify`
        says which, and the program is as it was: its files, its memory, its store, of which it is
        the only user; the next one can be gone back to."""
        self.learner = pathlib.Path(shutil.copy(self.options.learner, self.folder))
        self.start()
        learner = self.begin(BELAY_VERIFY="touch")
        name, counter = self.taken(learner)
        other, later = self.taken(learner)
        proc = pathlib.Path(f"/proc/{learner.process.pid}")

        def verify(code):
            result = subprocess.run([self.options.belay, "verify", "p"], text=True,
                                    env={**os.environ, "BELAY_STORE": str(self.folder / "store")},
                                    capture_output=True, timeout=60)
            expect(result.returncode == code, result)
            return [line for line in result.stdout.splitlines() if "DAMAGED" in line]

        def use():
            sizes = dict(line.split(":\t") for line in (proc / "status").read_text().splitlines())
            return (len(list((proc / "fd").iterdir())),
                    int(sizes["VmSize"].split()[0]) >> 20)  # GiB: malloc's own come and go

        def looks():
            learner.say("restore")  # until all is there that one needs
            files, space = use()
            for _ in range(4):
                said = learner.say("restore")
                expect(said.startswith("-1"), said)
            # Belay's thread, which begins again, has one open now and then.
            expect(use()[0] < files + 4 and use()[1] == space, f"{files, space}, then {use()}")
        changed = self.learner.stat().st_mtime_ns
        os.utime(self.learner, (0, 0))
        looks()
        os.utime(self.learner, ns=(changed, changed))
        verify(0)
        image = next((self.folder / "store" / "p" / "named").glob(f"{PREFIX}{other}@*"))
        whole = image.read_bytes()
        last = whole.rindex(b"BELAYIDX")  # in front of the index of the last increment: its pages
        image.write_bytes(whole[:last - 1] + bytes([whole[last - 1] ^ 1]) + whole[last:])
        looks()
        expect(all(other in line or "kept as" not in line for line in verify(1)), "which one?")
        self.go_to(learner, name, counter)
        second = self.begin()
        second.say("checkpoint")
        expect("in use" in (second.folder / "errors").read_text(), "the store is not its own")
        second.process.kill()
        image.write_bytes(whole)
        expect(not verify(0), "all is whole again")
        self.go_to(learner, other, later)
        self.go_to(learner, *self.taken(learner))
        learner.end()
        self.stop()


def ignore_xfsz():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


CASES = ("several", "other_run", "killed", "full_disk", "refused", "kept")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--belay", required=True)
    parser.add_argument("--learner", required=True, type=pathlib.Path)
    parser.add_argument("case", choices=CASES)
    options = parser.parse_args()
    Test(options).run_case(options.case)


if __name__ == "__main__":
    main()
