"""A headless Chromium, driven by its DevTools protocol over a pipe: no library is needed."""

import base64
import json
import os
import pathlib
import shutil
import subprocess


def find_chromium():
    """Its path, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One page in a browser of its own. Context manager."""

    KEYS = {"ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39, "End": 35,
            "Home": 36, "Enter": 13, "Escape": 27}

    def __init__(self, folder, width=1400, height=900):
        command_out, self.send_fd = os.pipe()
        self.receive_fd, answer_in = os.pipe()

        def place_pipes():  # where --remote-debugging-pipe wants them
            os.dup2(os.dup(command_out), 3)
            os.dup2(os.dup(answer_in), 4)

        # Started away from 3 and 4, that neither is overwritten before it is copied.
        command_out, answer_in = (os.dup2(fd, fd + 100) for fd in (command_out, answer_in))
        self.log = (pathlib.Path(folder) / "chromium.log").open("w")
        # Root has no sandbox; /dev/shm is small in containers.
        self.process = subprocess.Popen(
            [find_chromium(), "--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
             "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--remote-debugging-pipe",
             f"--user-data-dir={folder}/browser", f"--window-size={width},{height}",
             "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, close_fds=False,
            preexec_fn=place_pipes)
        os.close(command_out)
        os.close(answer_in)
        self.answers = os.fdopen(self.receive_fd, "rb")
        self.last, self.buffer, self.session, self.problems = 0, b"", None, []
        self.loaded = False
        pages = self.ask("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        self.session = self.ask("Target.attachToTarget", targetId=target,
                                flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")
        self.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        self.resize(width, height)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def ask(self, method, **parameters):
        """A command and its answer; errors of the page are collected meanwhile."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.send_fd, json.dumps(message).encode() + b"\0")
        while True:
            got = self.message()
            if got.get("id") == self.last:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                return got["result"]
            self.note(got)

    def message(self):
        while b"\0" not in self.buffer:
            piece = self.answers.read1(1 << 20)
            if not piece:
                raise EOFError("Chromium has ended")
            self.buffer += piece
        first, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(first)

    def note(self, event):
        self.loaded = self.loaded or event.get("method") == "Page.loadEventFired"
        if event.get("method") == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(event["params"]["exceptionDetails"]))
        if event.get("method") == "Log.entryAdded":
            entry = event["params"]["entry"]
            if entry["level"] == "error":
                self.problems.append(f"{entry['text']} {entry.get('url', '')}")

    def open(self, address):
        """Ends when it is loaded: what is asked of a page that goes away is not answered."""
        self.loaded = False
        self.ask("Page.navigate", url=address)
        while not self.loaded:
            self.note(self.message())

    def value(self, expression):
        """Of JavaScript in the page; a promise is waited for."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True,
                          awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, expression):
        """Until it holds, looked at once a frame; the clock of CTest ends what never comes."""
        self.value("new Promise(done => { const look = () => "
                   f"({expression}) ? done(true) : requestAnimationFrame(look); look(); }})")

    def press(self, key):
        code = self.KEYS.get(key)
        event = {"key": key, "windowsVirtualKeyCode": code or (ord(key.upper()) if key.isalnum()
                                                               else 0)}
        if code is None or key == "Enter":
            event["text"] = "\r" if key == "Enter" else key
        self.ask("Input.dispatchKeyEvent", type="keyDown", **event)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def resize(self, width, height):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)

    def dark(self, wanted):
        self.ask("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if wanted else "light"}])

    def picture(self, path):
        data = self.ask("Page.captureScreenshot", format="png")["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))
