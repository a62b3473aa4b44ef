#!/usr/bin/env python3
"""Goal: several processes train one model, whatever dies; each case says what it shows.

usage: actors.py --belay COMMAND --victim PROGRAM CASE
"""

import argparse
import json
import os
import pathlib
import select
import signal
import subprocess

from harness import Case, expect

USAGE, UNAVAILABLE, BUSY, PERMISSION = 64, 69, 75, 77
TOKEN = "sixteen-characters-at-least"


class Process:
    """One of those that a training consists of; known by more than its number, which may be
    another's soon."""

    def __init__(self, pid):
        self.pid = pid
        self.handle = os.pidfd_open(pid)
        words = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        self.environment = dict(word.decode().split("=", 1) for word in words if b"=" in word)

    @property
    def mode(self):
        return self.environment.get("BELAY_AU")

    def kill(self):
        signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def wait(self):
        select.select([self.handle], [], [])


class Training:
    """`belay train --actors 2` of the corridor."""

    def __init__(self, test, until, *options, models="m", victim=()):
        self.models = test.folder / models
        self.csv = self.models / "corridor.csv"
        self.process = subprocess.Popen(
            [test.belay, "train", "--json", "--actors", "2", "--until", until, "--models",
             self.models, *options, "--", test.victim, *victim],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=test.environment)
        test.running.append(self.process)

    def said(self, words):
        """Waits until it says this on standard error."""
        for line in self.process.stderr:
            if words in line:
                return
        raise AssertionError(f"never said: {words}")

    def parts(self):
        pid = self.process.pid
        found = []
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            try:
                found.append(Process(int(child)))
            except OSError:
                pass  # it has just ended
        return found

    def wait_for_episodes(self, count):
        while len(self.decisions()) < count:
            expect(self.process.poll() is None, "it ended before")
            select.select([], [], [], 0.02)

    def begun(self):
        """Learner and actors, once games have been learnt from."""
        self.wait_for_episodes(len(self.decisions()) + 20)
        parts = {mode: [part for part in self.parts() if part.mode == mode]
                 for mode in ("learn", "act")}
        expect([len(part) for part in parts.values()] == [1, 2], parts)
        return parts["learn"][0], parts["act"]

    def decisions(self):
        if not self.csv.exists():
            return []
        lines = self.csv.read_text().split("\n")[1:-1]
        return [int(line.split(",")[1]) for line in lines]

    def end(self, code=0):
        out, err = self.process.communicate(timeout=60)
        expect(self.process.returncode == code, f"{self.process.returncode}: {err}")
        return json.loads(out) if code == 0 else err


def socket_is_there(part):
    name = part.environment["BELAY_AU_EXCHANGE"].removeprefix("unix:")
    return name in pathlib.Path("/proc/net/unix").read_text().split()


class Test(Case):
    def __init__(self, options):
        super().__init__("belay-actors-")
        self.belay, self.victim = options.belay, options.victim
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("BELAY_AU")}
        self.environment["BELAY_AU_SET"] = f"corridor.seed={os.environ.get('BELAY_SEED', '1')}"

    def train(self, *arguments, **options):
        return Training(self, *arguments, **options)

    def play(self):
        done = subprocess.run([self.belay, "play", "--json", "--models", self.folder / "m", "--",
                               self.victim], capture_output=True, text=True, check=True, timeout=60)
        return json.loads(done.stdout)["mean"]

    def replaced(self):
        """An actor that is killed is replaced, the training reaches its goal, and what was learnt
        plays as well as can be; nothing is left."""
        training = self.train("decisions=30000")
        learner, actors = training.begun()
        expect(socket_is_there(learner), "no server")
        lost = actors[0]
        lost.kill()
        training.said("actor " + lost.environment["BELAY_AU_ACTOR"] + " was killed by SIGKILL")
        result = training.end()
        expect(result["reached"] == "decisions=30000", result)
        for part in [learner, *actors]:
            part.wait()
        expect(not socket_is_there(learner), "a socket is left")
        expect(not (training.models / ".actors").exists(), "the server's folder is left")
        expect(training.decisions() == sorted(training.decisions()), "the curve goes back")
        expect(abs(self.play() - 9.5) < 1e-3, "not learnt")

    def resumed(self):
        """The command, killed, leaves no process and no socket, and goes on where it was; so it
        does when it was its learner that was killed."""
        training = self.train("minutes=5")
        learner, actors = training.begun()
        training.process.kill()
        training.process.wait()
        for part in [learner, *actors]:
            part.wait()
        expect(not socket_is_there(learner), "a socket is left")
        before = training.decisions()
        training = self.train("minutes=5")
        learner, actors = training.begun()
        after = training.decisions()
        expect(len(after) > 20 and after[0] == before[0] and after == sorted(after),
               f"{before[-1]} decisions, then {after[0]} to {after[-1]}")
        second = self.train("minutes=5")
        expect("another server" in second.end(BUSY), "two trainings of one folder")
        learner.kill()
        expect("SIGKILL" in training.end(128 + signal.SIGKILL), "the learner died")
        for part in actors:
            part.wait()
        again = self.train(f"decisions={after[-1] + 5000}")
        expect(again.end()["decisions"] >= after[-1] + 5000, "it does not go on")

    def hopeless(self):
        """A program that dies again and again is given up, by name; one that ends plays on."""
        message = self.train("minutes=5", victim=("2", "die")).end(UNAVAILABLE)
        expect("was killed by SIGKILL, soon after its start" in message, message)
        expect(self.train("episodes=100", models="n", victim=("9",)).end()["episodes"] >= 100,
               "actors that have played their games")

    def served(self):
        """A server that runs is joined, and shows who trains; when it is killed, all end, and what
        was learnt is on file."""
        state = self.folder / "state"
        server = subprocess.Popen([self.belay, "serve", "--state", state], stdout=subprocess.PIPE,
                                  text=True)
        self.running.append(server)
        address = server.stdout.readline().strip()
        training = self.train("minutes=5", "--server", address)
        learner, actors = training.begun()
        shown = subprocess.run([self.belay, "ctl", "--state", state, "clients", "--json"],
                               capture_output=True, text=True, check=True, timeout=60)
        clients = {client["name"]: client for client in json.loads(shown.stdout)["clients"]}
        for name in ("learner", "actor-1", "actor-2"):
            client = clients[f"{pathlib.Path(self.victim).name}.{name}"]
            expect(client["driver"] == "none" and client["requests"] > 1, client)
        server.kill()
        expect("SIGTERM" in training.end(128 + signal.SIGTERM), "it ends with the server")
        for part in [learner, *actors]:
            part.wait()
        expect((self.folder / "m/corridor.model").exists(), "nothing is saved")

    def elsewhere(self):
        """Actors join over TLS with the token: those of the command, and one that somebody starts
        by hand. A wrong token or none is an error that says so, before anything is started."""
        state, token = self.folder / "state", self.folder / "token"
        token.write_text(TOKEN + "\n")
        server = subprocess.Popen([self.belay, "serve", "--state", state, "--tcp", "127.0.0.1:0",
                                   "--token-file", token], stdout=subprocess.PIPE, text=True)
        self.running.append(server)
        server.stdout.readline()
        address = server.stdout.readline().strip()
        message = self.train("minutes=5", "--server", address).end(USAGE)
        expect("BELAY_AU_TOKEN" in message, message)
        self.environment["BELAY_AU_TOKEN"] = TOKEN + "?"
        message = self.train("minutes=5", "--server", address).end(PERMISSION)
        expect(address in message and "another token?" in message, message)
        self.environment["BELAY_AU_TOKEN"] = TOKEN
        training = self.train("minutes=5", "--server", address)
        training.begun()
        other = subprocess.Popen([self.victim], stdout=subprocess.DEVNULL, cwd=self.folder,
                                 env={**self.environment, "BELAY_AU": "act",
                                      "BELAY_AU_ACTOR": "elsewhere", "BELAY_AU_EXCHANGE": address,
                                      "BELAY_AU_RELAY": self.belay})
        self.running.append(other)
        requests = 0
        while requests < 10:
            shown = subprocess.run([self.belay, "ctl", "--state", state, "clients", "--json"],
                                   capture_output=True, text=True, check=True, timeout=60)
            clients = json.loads(shown.stdout)["clients"]
            requests = max([client["requests"] for client in clients
                            if client["name"].endswith(".actor-elsewhere")], default=0)
            expect(other.poll() is None, "the actor from elsewhere has ended")
        before = len(training.decisions())
        training.wait_for_episodes(before + 20)
        server.kill()
        training.end(128 + signal.SIGTERM)
        other.wait(60)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--belay", required=True)
    parser.add_argument("--victim", required=True)
    parser.add_argument("case", choices=("replaced", "resumed", "hopeless", "served",
                                         "elsewhere"))
    options = parser.parse_args()
    Test(options).run_case(options.case)


if __name__ == "__main__":
    main()
