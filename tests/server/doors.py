#!/usr/bin/env python3
"""Goal: each way into the server lets in whom it is for, in sizes that were thought of, and nobody
else: the page's, the Unix sockets', TLS's.

usage: doors.py --belay COMMAND CASE
"""

import argparse
import http.client
import os
import pathlib
import pwd
import shutil
import socket
import ssl

from harness import ServerTest, Skip, expect
from wire import CKP, NO, frame

TOKEN = "sixteen-characters-at-least"


class Test(ServerTest):
    def token_file(self, text=TOKEN):
        path = self.folder / "token"
        path.write_text(text + "\n")
        return str(path)

    def page(self):
        """A token that is part of the right one, none, or one with more behind it opens nothing; a
        large request is refused; what a browser is told keeps other sites out."""
        page = self.folder / "page"
        page.mkdir()
        (page / "index.html").write_text("<p>here</p>")
        place = self.start("--http", "0", "--token-file", self.token_file(),
                           env={**os.environ, "BELAY_PAGE": str(page)})[1]
        port = int(place.split(":")[2].split("/")[0])

        def ask(method, path, token, body=None):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            headers = {"Content-Type": "application/json"}
            if token is not None:
                headers["Cookie"] = f"belay_token={token}"
            try:
                connection.request(method, path, body, headers)
                return connection.getresponse()
            except OSError:
                return None
        for token in ("", TOKEN[:-1], TOKEN + "x", TOKEN[1:], None):
            for method, path in (("GET", "/api/state"), ("GET", "/"), ("POST", "/api/checkpoint")):
                expect(ask(method, path, token, "{}").status == 403, (method, path, token))
            expect(ask("GET", f"/?token={token or ''}", None).status == 403, token)
        expect(ask("POST", "/api/checkpoint", TOKEN, "{}").status == 200, "the right one")
        answer = ask("POST", "/api/checkpoint", TOKEN, "{" + 70_000 * " " + "}")
        expect(answer is None or answer.status >= 400, "so large a request is taken")
        cookie = ask("GET", f"/?token={TOKEN}", None).getheader("Set-Cookie")
        expect("SameSite=Strict" in cookie and "HttpOnly" in cookie, cookie)
        headers = ask("GET", "/", TOKEN).headers
        for name, value in (("X-Frame-Options", "DENY"), ("X-Content-Type-Options", "nosniff"),
                            ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store")):
            expect(headers[name] == value, f"{name}: {headers[name]}")
        expect("default-src 'self'" in headers["Content-Security-Policy"], "scripts of others")
        self.stop()

    def old_tls(self):
        """Nothing older than TLS 1.3, whose exporter values belong to one connection."""
        place = self.start("--tcp", "127.0.0.1:0", "--token-file", self.token_file())[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", int(place.rsplit(":", 1)[1])), 60) as plain:
            try:
                version = context.wrap_socket(plain).version()
            except OSError:
                version = None
        expect(version is None, f"{version} is spoken")
        self.stop()
        for short in ("", TOKEN[:15]):
            server = self.launch("--tcp", "127.0.0.1:0", "--token-file", self.token_file(short))
            expect(server.wait(60) != 0, f"a token of {len(short)} characters")

    def other_user(self):
        """Another user's process, root's among them, is not let in, however it gets at the
        socket."""
        if os.geteuid() != 0:
            raise Skip("needs root, who gets at every socket")
        nobody = pwd.getpwnam("nobody")
        self.folder.chmod(0o711)
        self.state.mkdir()
        shutil.chown(self.state, nobody.pw_uid, nobody.pw_gid)
        self.start(user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
        for path in (self.socket, self.state / "control"):
            expect(path.stat().st_mode & 0o777 == 0o600, f"{path}: {path.stat().st_mode:o}")
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.settimeout(60)
                stranger.connect(str(path))
                try:
                    stranger.sendall(frame(CKP) if path == self.socket else b'{"do":"state"}\n')
                    heard = stranger.recv(100)
                except OSError:
                    heard = b""
                expect(heard == b"", f"{path}: {heard}")
        self.server.terminate()
        expect(self.server.wait(60) == 0, "it does not end")

    def sockets(self):
        """A path for the socket where another server listens, or a file is, is refused, and what is
        there goes on; one that was killed has left its own; in the end there is none."""
        shared = self.folder / "shared"
        self.socket = shared
        first = self.start("--socket", str(shared))[0]
        expect(first == f"unix:{shared}", first)
        second = self.launch("--socket", str(shared), state=self.folder / "second")
        expect(second.wait(60) != 0, "two servers on one socket")
        good = self.peer("good")
        expect(good.ask(CKP)[0] == NO, "the first one's is gone")
        with socket.socket(socket.AF_UNIX) as endless:
            endless.settimeout(60)
            endless.connect(str(self.state / "control"))
            try:
                endless.sendall((64 << 20) * b" ")
                listens = True
            except ConnectionError:
                listens = False
            expect(not listens, "a command without an end is listened to")
        self.kill()
        expect(shared.exists(), "it was killed")
        self.start("--socket", str(shared))
        self.stop()
        expect(not shared.exists() and not (self.state / "control").exists(), "left over")
        shared.write_text("mine")
        third = self.launch("--socket", str(shared))
        expect(third.wait(60) != 0 and shared.read_text() == "mine", "a file is overwritten")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--belay", required=True)
    parser.add_argument("case", choices=("page", "old_tls", "other_user", "sockets"))
    options = parser.parse_args()
    options.learner = pathlib.Path()
    Test(options).run_case(options.case)


if __name__ == "__main__":
    main()
