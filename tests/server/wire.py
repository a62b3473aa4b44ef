"""The server's protocol, spoken without Belay's code, by docs/server_protocol.md."""

import socket
import struct

CKP, RES, YES, NO, GET, SET = range(1, 7)
TAKE_IT, GO_BACK, WILL_CALL = 2, 8, 32
HEADER = struct.Struct("<4sBBHIIQ")
MASK = (1 << 64) - 1
SECRET = bytes.fromhex("b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f")


def xxh3_of_24(data):
    """XXH3-64 of 24 bytes: its short form, for 17 to 32."""
    def mix(words, secret):
        (a, b), (c, d) = struct.unpack("<QQ", words), struct.unpack("<QQ", secret)
        product = (a ^ c) * (b ^ d)
        return product & MASK ^ product >> 64
    total = (24 * 0x9E3779B185EBCA87 + mix(data[:16], SECRET[:16]) + mix(data[8:], SECRET[16:]))
    total &= MASK
    total = (total ^ total >> 37) * 0x165667919E3779F9 & MASK
    return total ^ total >> 32


def frame(kind, name="", body=b"", flags=0, claim=None, version=1):
    """`claim`: the size of the body that the header says."""
    name, body = name.encode(), body if isinstance(body, bytes) else body.encode()
    start = HEADER.pack(b"BLAY", version, kind, flags, len(name), 0,
                        len(body) if claim is None else claim)
    return start + struct.pack("<Q", xxh3_of_24(start)) + name + body


class Peer:
    """One connection, as a client's."""

    def __init__(self, path, name=None, instance="i1", driver="savepoint"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        if name:
            kind, _, _, text = self.ask(SET, ":client", f"name={name}\ndriver={driver}\n"
                                                        f"instance={instance}\n")
            assert kind == YES, text

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(min(count - len(data), 1 << 20))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def answer(self):
        """(type, flags, name, body)"""
        start = self.receive(32)
        magic, version, kind, flags, name, _, body = HEADER.unpack(start[:24])
        assert (magic, version) == (b"BLAY", 1)
        assert xxh3_of_24(start[:24]) == struct.unpack("<Q", start[24:])[0]
        return kind, flags, self.receive(name).decode(), self.receive(body)

    def ask(self, *arguments, **options):
        self.send(frame(*arguments, **options))
        return self.answer()

    def is_ended(self):
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def take(self, size=4096):
        """A checkpoint that the program itself asks for; its name."""
        kind, flags, name, _ = self.ask(CKP, flags=1)
        assert (kind, flags) == (YES, TAKE_IT), (kind, flags)
        kind, _, _, text = self.ask(SET, ":snapshot", f"id={name}\nbytes={size}\n")
        assert kind == YES, text
        return name

    def close(self):
        self.socket.close()
