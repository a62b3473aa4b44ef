#!/usr/bin/env python3
"""Goal: the server, its clients and whoever else knocks, end to end; each case says what it shows.

usage: server.py --belay COMMAND --learner PROGRAM CASE
"""

import argparse
import http.client
import json
import os
import pathlib
import pty
import random
import resource
import signal
import socket
import ssl
import subprocess
import tempfile

from harness import Learner, Live, ServerTest, Skip, expect
from wire import CKP, GET, NO, RES, SET, WILL_CALL, YES, frame

TOKEN = "sixteen-characters-at-least"


class Test(ServerTest):
    TRAINING = (["decide 0.5", "count"] * 3 + ["checkpoint"] + ["decide -1", "count"] * 8 +
                ["show", "restore", "show", "decide 2", "count", "restore", "show"])

    def training(self):
        """The same training under each driver: the same program state after each restore, and the
        same surviving model."""
        self.start()
        said, models = {}, {}
        for driver in ("alone", "savepoint", "process"):
            place = None if driver == "alone" else f"unix:{self.socket}"
            learner = Learner(self, place, BELAY_AU_DRIVER=driver, BELAY_AU_CLIENT=driver)
            said[driver] = []
            for line in self.TRAINING:
                if line == "checkpoint" and place is None:
                    learner.say("request")
                elif line == "checkpoint":
                    expect(learner.say("checkpoint").startswith("0 "), "nobody has asked")
                    self.ctl("checkpoint", driver)
                said[driver].append(learner.say(line))
            learner.end()
            models[driver] = (learner.folder / "learner.model").read_bytes()
            print(driver, said[driver][-8:])
            print((learner.folder / "errors").read_text(), end="")
            if place:
                expect(self.client(driver)["restores"] == 2, self.client(driver))
        expect(said["alone"][6].startswith("1 "), said["alone"])
        expect(said["savepoint"] == said["alone"], "savepoints of a server differ")
        expect(said["process"] == said["alone"], "process images differ")
        expect(models["alone"] == models["savepoint"] == models["process"], "models differ")
        model = self.state / "clients/process/files/learner.model"
        expect(model.stat().st_size > 1000, "the model is not on the server")
        self.stop()

    def trained(self):
        """Under `belay train` too, which hears of the program by a pipe, an image can be taken and
        gone back to; `ctl checkpoint --wait` says when there is none."""
        self.start()
        under = [self.options.belay, "train", "--until", "minutes=9", "--"]
        learner = Learner(self, f"unix:{self.socket}", under=under, BELAY_AU_DRIVER="process",
                          BELAY_AU_CLIENT="t")
        learner.say("decide 1")
        learner.say("checkpoint")
        expect("in time" in self.ctl("checkpoint", "t", "--wait", "1ms", code=75), "too early")
        taken = learner.say("checkpoint")
        learner.say("decide 1")
        back = learner.say("restore")
        print((learner.folder / "errors").read_text(), end="")
        expect(taken[0] + back[0] == "12" and taken[1:] == back[1:], f"{taken}, then {back}")
        learner.process.terminate()
        learner.process.stdin.close()
        expect(learner.process.wait(60) == 128 + signal.SIGTERM, "it did not end as asked")
        expect("decisions" in (learner.folder / "learner.csv").read_text(), "no curve")
        self.stop()

    def resumed(self):
        """A program under the driver `process` that is killed and run again goes on where its image
        was taken, with what its model has learned since."""
        self.start()
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        variables = {"BELAY_AU_DRIVER": "process", "BELAY_AU_CLIENT": "r",
                     "BELAY_STORE": str(folder)}
        learner = Learner(self, f"unix:{self.socket}", **variables)
        learner.say("decide 1")
        learner.say("checkpoint")
        self.ctl("checkpoint", "r")
        taken = learner.say("checkpoint")
        for _ in range(10):
            learner.say("decide 1")
        back = learner.say("restore")
        expect(taken[0] + back[0] == "12" and taken[1:] == back[1:], "back in the same process")
        learner.say("decide 1")
        learner.process.kill()
        learner.process.wait()
        again = Learner(self, f"unix:{self.socket}", BELAY_AU_RESUME="1", **variables)
        again.process.stdin.flush()
        expect(again.process.stdout.readline().strip() == back, "back in a new one")
        shown = again.say("show")
        expect(shown.split()[1] == "11", f"with the model of the last restore: {shown}")
        again.end()
        self.stop()

    def http(self):
        """The page's interface: who has the token sees and asks; other sites' pages don't."""
        token = self.folder / "token"
        token.write_text(TOKEN + "\n")
        page = self.folder / "page"
        page.mkdir()
        (page / "index.html").write_text("<p>here</p>")
        os.environ["BELAY_PAGE"] = str(page)
        place = self.start("--http", "0", "--token-file", str(token))[1]
        port = int(place.split(":")[2].split("/")[0])
        host = f"127.0.0.1:{port}"
        cookie = {"Cookie": f"a=b; belay_token={TOKEN}"}

        def ask(method, path, body=None, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer
        expect(place == f"http://{host}/?token={TOKEN}", place)
        status, _, answer = ask("GET", f"/?token={TOKEN}")
        expect(status == 303 and "HttpOnly" in answer.getheader("Set-Cookie"), "the cookie")
        expect(ask("GET", "/?token=another")[0] == 403, "another token")
        expect(ask("GET", "/api/state")[0] == 403, "no token")
        expect(ask("GET", "/", **cookie)[:2] == (200, "<p>here</p>"), "the page")
        for path in ("/../token", "/..%2ftoken", "/.hidden", "//etc/passwd", "/none.js"):
            expect(ask("GET", path, **cookie)[0] == 404, path)
        expect(ask("GET", "/api/state", **cookie, Host="evil.example")[0] == 403, "rebound name")
        json_type = {"Content-Type": "application/json"}
        expect(ask("POST", "/api/checkpoint", "{}", **cookie, **json_type,
                   Origin="http://evil.example")[0] == 403, "another site's page")
        expect(ask("POST", "/api/checkpoint", "{}", **cookie)[0] == 400, "a form")
        mario = self.peer("mario")
        name = mario.take()
        live = Live(port, TOKEN, f"http://{host}")
        first = live.message()
        state = json.loads(ask("GET", "/api/state", **cookie)[1])
        expect(first["type"] == "state" and first["clients"] == state["clients"], first)
        said = ask("POST", "/api/pin", json.dumps({"client": "mario", "snapshot": name}), **cookie,
                   **json_type)
        expect(said[0] == 200, said)
        expect(live.until("snapshots")[0]["pinned"], "the pin is seen")
        said = ask("POST", "/api/delete", json.dumps({"client": "mario", "snapshot": name}),
                   **cookie, **json_type)
        expect(said[0] == 409 and "pinned" in json.loads(said[1])["error"], said)
        said = ask("POST", "/api/checkpoint", "{}", **cookie, **json_type, Origin=f"http://{host}")
        expect(json.loads(said[1])["asked"] == ["mario"], said)
        expect(live.until("asked"), "the request is seen")
        mario.ask(SET, ":metrics", "score=2.5\nloss=0.5\ndecision_ns=800\n")
        expect(live.until("curve_added")[0][1:] == [2.5, 0.5, 800], "the curve")
        mario.ask(SET, ":metrics", "decision_ns=900\n")
        later = Live(port, TOKEN, f"http://{host}").until("curve")
        expect([at[1:] for at in later] == [[2.5, 0.5, 800], [None, None, 900]], "its history")
        stranger = Live(port, "none", f"http://{host}")
        expect(stranger.status == 403, "no token, no live state")
        expect(Live(port, TOKEN, "http://evil.example").status == 403, "another site's socket")
        self.stop()

    def control(self):
        """Listed, pinned, selected, deleted, limited; wrong names are told."""
        self.start("--snapshots-max", "3")
        mario = self.peer("mario")
        names = [mario.take(size) for size in (4096, 8192, 12288)]
        found = self.snapshots()
        expect([s["id"] for s in found] == names, found)
        expect([s["parent"] for s in found] == [None, names[0], names[1]], found)
        self.ctl("pin", "mario", names[0])
        self.ctl("delete", "mario", names[0], code=1)
        self.ctl("select", "mario", names[0])
        expect(mario.ask(RES)[2] == names[0], "the selected one")
        fourth = mario.take()
        expect([s["id"] for s in self.snapshots()] == [names[0], names[2], fourth], "room")
        expect(self.snapshots()[2]["parent"] == names[0], "it went on from there")
        self.ctl("unpin", "mario", names[0])
        self.ctl("delete", "mario", names[0])
        expect(f"drop={names[0]}\n".encode() in mario.ask(RES)[3], "the client is told")
        self.ctl("delete", "mario", "none", code=1)
        self.ctl("checkpoint", "luigi", code=1)
        self.stop()
        self.ctl("clients", code=69)

    def hot_key(self):
        """A key in the server's terminal, and then au_checkpoint(), take a checkpoint."""
        mine, its = pty.openpty()
        self.server = subprocess.Popen([self.options.belay, "serve", "--state", str(self.state)],
                                       stdin=its, stdout=its, start_new_session=True,
                                       env={**os.environ, "TERM": "xterm"})
        self.running.append(self.server)
        shown = bytearray()

        def see(words):
            while words not in shown:
                shown.extend(os.read(mine, 4096))
        see(b"checkpoint all")
        learner = Learner(self, f"unix:{self.socket}", BELAY_AU_CLIENT="mario")
        expect(learner.say("checkpoint").startswith("0 "), "nobody has asked")
        os.write(mine, b"c")
        see(b"asked")
        expect(learner.say("checkpoint").startswith("1 "), "the key asks")
        see(b"plays")
        learner.end()
        os.write(mine, b"q")
        expect(self.server.wait(60) == 0, "q stops it")
        os.close(mine)
        os.close(its)

    def faults(self):
        """Half frames, huge sizes, wrong order, paths as names, two with one name: an error to
        whoever erred, and nobody else notices."""
        self.start()
        good = self.peer("good")
        good.ask(SET, "x.model", b"kept")
        bad = {
            "no frame": b"GET / HTTP/1.1\r\n\r\n" + bytes(64),
            "another version": frame(CKP, version=2),
            "no greeting": frame(CKP),
            "huge": frame(SET, "x", claim=1 << 62),
            "huge text": frame(SET, ":client", claim=1 << 20),
            "an answer": frame(YES),
            "a path as a name": frame(SET, ":client", "name=../up\ndriver=savepoint\ninstance=i\n"),
            "a name in use": frame(SET, ":client", "name=good\ndriver=savepoint\ninstance=i2\n"),
            "no such driver": frame(SET, ":client", "name=b\ndriver=floppy\ninstance=i\n"),
        }
        for what, data in bad.items():
            peer = self.peer()
            peer.send(data)
            kind, _, _, text = peer.answer()
            expect(kind == NO and text, what)
            expect(peer.is_ended(), f"{what}: the connection goes on")
            print(f"{what}: {text.decode()}")
        for name in ("../x", "/etc/passwd", ".hidden", "a/b", "..", "x\0y"):
            expect(good.ask(SET, name, b"data")[0] == NO, name)
            expect(good.ask(GET, name)[0] == NO, name)
        # A second question before the first is answered: the file is being stored.
        hasty = self.peer("hasty")
        hasty.send(frame(SET, "f", bytes(1 << 20)) + frame(CKP))
        kinds = [hasty.answer()[0]]
        if kinds == [YES]:  # the disk was faster than the network
            kinds.append(hasty.answer()[0])
        expect(NO in kinds, kinds)
        for cut in (1, 31, 33, 60):
            half = self.peer()
            half.send(frame(SET, ":client", "name=half\ndriver=savepoint\ninstance=i\n")[:cut])
            half.close()
        expect(good.ask(GET, "x.model")[3] == b"kept", "the good one's file")
        leftovers = [p for p in self.state.rglob("*") if ".new-" in p.name]
        self.wait_for(lambda: not [p for p in self.state.rglob("*") if ".new-" in p.name])
        expect(not (self.folder / "x").exists(), leftovers)
        self.stop()

    def dying(self):
        """A client that dies between any two messages, before the answer or behind it: its name is
        free, no file is half, the server has no descriptor of it, and goes on."""
        self.start()
        descriptors = pathlib.Path(f"/proc/{self.server.pid}/fd")
        before = len(list(descriptors.iterdir()))
        talk = [lambda _: frame(SET, "m.model", b"m" * 5000), lambda _: frame(CKP, flags=1),
                lambda taken: frame(SET, ":snapshot", f"id={taken}\n"), lambda _: frame(RES),
                lambda _: frame(GET, "m.model"), lambda _: frame(SET, "m.model", b"n" * 9)[:-1]]
        confirmed = 0
        for count in range(len(talk) + 1):
            for hears_all in (True, False):
                hello = f"name=d\ndriver=savepoint\ninstance=i{count}{hears_all}\n"
                messages, taken = [lambda _, text=hello: frame(SET, ":client", text)], None
                peer = self.peer()
                for number, message in enumerate(messages + talk[:count]):
                    peer.send(message(taken))
                    if number < len(talk) and (number < count or hears_all):
                        taken = peer.answer()[2]
                        confirmed += number == 3
                peer.close()
                self.wait_for(lambda: not self.client("d")["connected"])
                self.wait_for(lambda: len(list(descriptors.iterdir())) == before)
                self.wait_for(lambda: not [p for p in self.state.rglob("*") if ".new-" in p.name])
        expect(confirmed == 7, confirmed)
        model = self.state / "clients/d/files/m.model"
        expect(model.read_bytes() == b"m" * 5000, "the file is whole")
        peer = self.peer("d", instance="new")
        peer.take()
        self.stop()

    def killed(self):
        """kill -9 of the server in each state: what it has confirmed is there when it comes back,
        and what it finds is whole."""
        seed = int(os.environ.get("BELAY_SEED", "1"))
        chance = random.Random(seed)
        confirmed, pinned, model = [], set(), (None,)  # what the model may be; None: no file
        self.start()
        for round_number in range(12):
            peer = self.peer("k")
            last = chance.randrange(6)
            expect([s["id"] for s in self.snapshots()] == confirmed, "snapshots")
            expect(self.client("k")["checkpoints"] == len(confirmed), "their count")
            expect({s["id"] for s in self.snapshots() if s["pinned"]} == pinned, "pins")
            kind, _, _, body = peer.ask(GET, "m.model")
            expect((body if kind == SET else None) in model, "the model")
            for step in range(last + 1):
                data = bytes([round_number]) * chance.randrange(1, 3_000_000)
                if step % 3 == 0:
                    model = (data,) if step < last else (*model, data)
                    peer.send(frame(SET, "m.model", data))
                    if step < last:
                        expect(peer.answer()[0] == YES, "SET")
                elif step % 3 == 1 and step < last:
                    confirmed.append(peer.take())
                elif step % 3 == 1:
                    name = peer.ask(CKP, flags=1)[2]
                    peer.send(frame(SET, ":snapshot", f"id={name}\n"))
                    self.kill()
                    self.start()
                    # It may have come through; nothing else may have changed.
                    now = [s["id"] for s in self.snapshots()]
                    expect(now in (confirmed, [*confirmed, name]), now)
                    confirmed = now
                elif confirmed:
                    self.ctl("pin", "k", confirmed[-1])
                    pinned.add(confirmed[-1])
            self.kill()
            self.start()
            expect(not [p for p in self.state.rglob("*") if ".new-" in p.name], "left-overs")
        print(f"seed {seed}: {len(confirmed)} snapshots confirmed and found")
        self.stop()

    def away(self):
        """A server that is killed and comes back: the program goes on, goes back by itself
        meanwhile, and the server knows its savepoints again."""
        self.start()
        name = self.learner.name  # by default; kept when the server comes back
        learner = Learner(self, f"unix:{self.socket}")
        learner.say("checkpoint")
        self.ctl("checkpoint", name)
        expect(learner.say("checkpoint").startswith("1 0"), "taken")
        learner.say("count")
        self.kill()
        expect(learner.say("restore").startswith("2 0"), "back without a server")
        learner.say("count")
        self.start()
        self.wait_for(lambda: learner.say("checkpoint") and self.client(name)["connected"])
        expect(len(self.snapshots()) == 1, "the savepoint is known")
        expect(learner.say("restore").startswith("2 0"), "back with the server")
        expect(self.client(name)["restores"] == 1, "the server was asked")
        learner.end()
        self.stop()

    def silent(self):
        """A thousand connections that say nothing, and readers that read nothing: others are
        served."""
        wanted = 1100
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 4 * wanted:
            raise Skip("too few descriptors are allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * wanted, 4 * wanted))
        self.start()
        silent = [self.peer() for _ in range(1000)]
        slow = [self.peer(f"slow{i}") for i in range(5)]
        for peer in slow:
            expect(peer.ask(SET, "big", bytes(8 << 20))[0] == YES, "SET")
            peer.send(frame(GET, "big"))
        good = self.peer("good")
        for _ in range(100):
            expect(good.ask(CKP)[:2] == (NO, WILL_CALL), "served")
        expect(len(slow[0].answer()[3]) == 8 << 20, "read late, but whole")
        expect(len(silent) == 1000, "they are still there")
        self.stop()

    def full_disk(self):
        """No room for a SET: NO with the reason, the old file stays, the client goes on."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        self.start(before=limit)
        peer = self.peer("full")
        expect(peer.ask(SET, "m.model", b"old")[0] == YES, "room for the first")
        kind, _, _, text = peer.ask(SET, "m.model", bytes(1_000_000))
        expect(kind == NO and b"large" in text, text)
        expect(peer.ask(GET, "m.model")[3] == b"old", "the old one is there")
        peer.take()
        self.stop()

    def tls(self):
        """TCP: who knows the token gets in. A wrong token, none, a proof for another connection and
        one in the middle don't."""
        token = self.folder / "token"
        token.write_text(TOKEN + "\n")
        place = self.start("--tcp", "127.0.0.1:0", "--token-file", str(token))[1]
        port = int(place.rsplit(":", 1)[1])
        relay = {"BELAY_AU_RELAY": self.options.belay, "BELAY_AU_CLIENT": "t"}
        learner = Learner(self, place, BELAY_AU_TOKEN=TOKEN, **relay)
        expect(learner.say("checkpoint").startswith("0 "), "nobody has asked")
        expect(self.client("t")["connected"], "connected by TLS")
        self.ctl("checkpoint", "t")
        # The server's call is on its way through the relay.
        self.wait_for(lambda: learner.say("checkpoint").startswith("1 0"))
        for _ in range(3):
            learner.say("count")
            expect(learner.say("restore").startswith("2 0"), "back, and the connection goes on")
        wrong = Learner(self, place, BELAY_AU_TOKEN=TOKEN + "?", **relay)
        wrong.say("checkpoint")
        expect("token" in (wrong.folder / "errors").read_text(), "it is told why")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        def knock():
            return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 60))
        # Recorded by one in the middle, who has a certificate of its own.
        proof, challenge = self.recorded_proof(knock)
        for answer in (proof, bytes(32), frame(SET, ":client", "name=x\ndriver=savepoint\n")[:32]):
            with knock() as other:
                expect(other.recv(32) != challenge, "a challenge comes twice")
                other.sendall(answer)
                try:
                    expect(other.recv(32) == b"", "a stranger gets in")
                except OSError:
                    pass
        plain = socket.create_connection(("127.0.0.1", port), 60)
        plain.sendall(frame(SET, ":client", "name=y\ndriver=savepoint\ninstance=i\n"))
        plain.settimeout(60)
        expect(b"BLAY" not in plain.recv(100), "no TLS, no protocol")
        expect(len(json.loads(self.ctl("clients", "--json"))["clients"]) == 1, "one client")
        learner.end()
        self.stop()

    def recorded_proof(self, knock):
        """What a relay answers to the server's challenge, through another's connection."""
        key = self.folder / "middle.pem"
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-subj", "/CN=middle", "-keyout", str(key), "-out", str(key) + ".crt"],
            capture_output=True, check=False)
        if made.returncode:
            raise Skip("no openssl command")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(key) + ".crt", str(key))
        with socket.create_server(("127.0.0.1", 0)) as door, knock() as server:
            victim = subprocess.Popen(
                [self.options.belay, "relay", f"127.0.0.1:{door.getsockname()[1]}"],
                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={**os.environ, "BELAY_AU_TOKEN": TOKEN})
            self.running.append(victim)
            with context.wrap_socket(door.accept()[0], server_side=True) as middle:
                challenge = server.recv(32)
                middle.sendall(challenge)
                proof = middle.recv(32)
                server.sendall(proof)
                try:
                    expect(server.recv(32) == b"", "one in the middle gets in")
                except OSError:
                    pass
            expect(victim.wait(60) != 0, "the relay trusts one in the middle")
        expect(len(proof) == 32, "no proof was sent")
        return proof, challenge


CASES = ("training", "trained", "resumed", "control", "hot_key", "faults", "dying", "killed",
         "away", "silent", "full_disk", "tls", "http")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--belay", required=True)
    parser.add_argument("--learner", required=True, type=pathlib.Path)
    parser.add_argument("case", choices=CASES)
    options = parser.parse_args()
    Test(options).run_case(options.case)


if __name__ == "__main__":
    main()
