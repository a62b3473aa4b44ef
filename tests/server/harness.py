"""What the cases of server.py speak of: a server, programs that are its clients, other peers."""

import base64
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

from wire import Peer


SKIP = 77  # CTest's SKIP_RETURN_CODE


class Skip(Exception):
    """This machine can't show it."""


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


class Learner:
    """The program, told what to do a line at a time."""

    def __init__(self, test, server=None, before=None, **environment):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=test.folder))
        settings = {k: v for k, v in os.environ.items() if not k.startswith("BELAY_")}
        settings |= {"BELAY_AU": "train", "BELAY_STORE": str(self.folder / "store"),
                     "BELAY_LOG": "0", **environment}
        if server:
            settings["BELAY_AU_SERVER"] = server
        self.errors = (self.folder / "errors").open("w+")
        self.process = subprocess.Popen([str(test.learner)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        cwd=self.folder, env=settings, preexec_fn=before)
        test.running.append(self.process)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.stdin.close()
        expect(self.process.wait(60) == 0, f"it ended with {self.process.returncode}")


class Live:
    """A WebSocket that listens."""

    def __init__(self, port, token, origin):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        key = base64.b64encode(bytes(16)).decode()
        self.socket.sendall((f"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                             "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                             f"Origin: {origin}\r\nCookie: belay_token={token}\r\n\r\n").encode())
        self.stream = self.socket.makefile("rb")
        self.status = int(self.stream.readline().split()[1])
        while self.stream.readline().strip():
            pass

    def message(self):
        _, size = self.stream.read(2)
        if size >= 126:
            size = int.from_bytes(self.stream.read(2 if size == 126 else 8), "big")
        return json.loads(self.stream.read(size))

    def until(self, field):
        """The value of a field of the only client, from the first update that has it."""
        while True:
            for client in self.message()["clients"]:
                if field in client:
                    return client[field]


class Case:
    """A folder and processes, of which nothing is left in the end."""

    def __init__(self, prefix):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.running = []

    def run_case(self, name):
        """Calls the method of that name; the folder is kept if it fails."""
        keep = True
        try:
            getattr(self, name)()
            keep = False
        except Skip as reason:
            keep = False
            print(f"skipped: {reason}")
            sys.exit(SKIP)
        finally:
            self.close(keep)

    def close(self, keep):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
        if keep:
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder)


class ServerTest(Case):
    def __init__(self, options):
        super().__init__("belay-server-")
        self.options = options
        self.learner = options.learner
        self.state = self.folder / "state"
        self.socket = self.state / "socket"
        self.server = None

    def launch(self, *arguments, state=None, **more):
        server = subprocess.Popen(
            [self.options.belay, "serve", "--state", str(state or self.state), *arguments],
            stdout=subprocess.PIPE, text=True, **more)
        self.running.append(server)
        return server

    def start(self, *arguments, before=None, **more):
        """Returns the addresses that the server prints."""
        self.server = self.launch(*arguments, preexec_fn=before, **more)
        lines = [self.server.stdout.readline().strip()]
        if "--tcp" in arguments or "--http" in arguments:
            lines.append(self.server.stdout.readline().strip())
        expect(lines[0] == f"unix:{self.socket}", lines)
        return lines

    def kill(self):
        self.server.kill()
        self.server.wait()

    def stop(self):
        self.ctl("stop")
        expect(self.server.wait(60) == 0, "the server ended with an error")

    def ctl(self, *arguments, code=0):
        result = subprocess.run(
            [self.options.belay, "ctl", "--state", str(self.state), *arguments],
            capture_output=True, text=True, timeout=60)
        expect(result.returncode == code, f"ctl {arguments}: {result.returncode} {result.stderr}")
        return result.stdout if code == 0 else result.stderr

    def snapshots(self):
        return json.loads(self.ctl("list", "--json"))["snapshots"]

    def client(self, name):
        clients = json.loads(self.ctl("clients", "--json"))["clients"]
        return next(client for client in clients if client["name"] == name)

    def peer(self, name=None, **options):
        return Peer(self.socket, name, **options)

    def wait_for(self, condition):
        """Polls the server; the clock of CTest ends what never comes."""
        while not condition():
            threading.Event().wait(0.01)
