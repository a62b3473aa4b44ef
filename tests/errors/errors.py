#!/usr/bin/env python3
"""Goal: the errors that a user meets first say what is wrong and what to do, and lose nothing: the
program runs on, and the last good checkpoint can still be restored.

usage: errors.py --victims DIR --torture PROGRAM CASE
"""

import argparse
import errno
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIP = 77  # CTest's SKIP_RETURN_CODE


class Skip(Exception):
    """This machine can't show the error."""


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


class Victim:
    """A running victim program: say() a word, get its answer."""

    def __init__(self, test, program="victim", before=(), **environment):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("BELAY_")}
        store = {"BELAY_STORE": str(test.store), "BELAY_NAME": "victim", **environment}
        self.process = subprocess.Popen(
            [*before, str(test.victims / program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, bufsize=1, cwd=test.folder,
            env={**inherited, **store})
        test.running.append(self.process)

    def line(self):
        return self.process.stdout.readline().strip()

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.line()

    def begin(self):
        first = self.line()
        expect(first == "ready", f"it began with {first!r}")
        return self

    def succeeds(self, word):
        got = self.say(word)
        expect(got == "0", f"{word}: {got!r}")

    def fails(self, word, code, *words):
        got = self.say(word)
        number, _, sentence = got.removeprefix("-1 ").partition(" ")
        expect(got.startswith("-1 ") and number == str(code), f"{word}: {got!r}, not {code}")
        for part in words:
            expect(part in sentence, f"{sentence!r} does not speak of {part!r}")

    def does_not_start(self, code, *words):
        got = self.line()
        expect(got.split(" ")[0] == str(code), f"{got!r}, not {code}")
        for part in words:
            expect(part in got, f"{got!r} does not speak of {part!r}")
        expect(self.process.wait() == 1, "it went on")

    def kill(self):
        self.process.kill()
        self.process.wait()
        return self.process.stderr.read()


class Test:
    def __init__(self, victims, torture):
        self.victims = victims
        self.torture = torture
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="belay-errors."))
        self.store = self.folder / "store"
        self.running = []

    def end_all(self):
        for process in self.running:
            process.kill()
            process.wait()

    def close(self):
        self.end_all()
        subprocess.run(["chmod", "-R", "u+rwX", str(self.folder)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def with_checkpoints(self, count=1):
        """A victim that has counted to `count`, with a checkpoint after each."""
        victim = Victim(self).begin()
        for number in range(1, count + 1):
            expect(victim.say("count") == str(number), "it can't count")
            victim.succeeds("checkpoint")
        return victim

    def comes_back(self, counted, program="victim", **environment):
        """Run again, it goes on in checkpoint(), having counted so far. Returns what it says."""
        victim = Victim(self, program, **environment)
        first = victim.line()
        expect(first == "1", f"after the restore checkpoint() gave {first!r}")
        got = victim.say("count")
        expect(got == str(counted + 1), f"it had counted to {counted}, now to {got}")
        return victim

    def generations(self):
        """Files of the store, the one with the newest checkpoint last."""
        return sorted((self.store / "victim").glob("generation.[01]"),
                      key=lambda path: path.stat().st_mtime_ns)

    def libraries(self, program):
        """Paths of what a program is linked with."""
        done = subprocess.run(["ldd", str(self.victims / program)], capture_output=True, text=True,
                              check=True)
        return [line.split("=>")[1].split()[0] for line in done.stdout.splitlines()
                if "=> /" in line]

    def damage(self, path):
        data = bytearray(path.read_bytes())
        for at in range(100, len(data), 512):  # all of it: what nobody reads is no loss
            data[at] ^= 0x10
        path.write_bytes(data)


def full_disk(test):
    victim = test.with_checkpoints()
    victim.succeeds("grow")
    victim.succeeds("limit")
    victim.fails("checkpoint", errno.EFBIG)
    expect(victim.say("count") == "2", "it did not run on")
    victim.succeeds("unlimit")
    victim.succeeds("checkpoint")
    victim.succeeds("limit")
    victim.succeeds("grow")
    victim.fails("checkpoint", errno.EFBIG)
    victim.kill()
    test.comes_back(2)


def full_file_system(test):
    if os.geteuid() != 0:
        raise Skip("mounting a small file system needs root")
    test.store.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(test.store)]
    if subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("mount is not allowed here")
    try:
        victim = test.with_checkpoints()
        victim.succeeds("grow")
        victim.fails("checkpoint", errno.ENOSPC)
        expect(victim.say("count") == "2", "it did not run on")
        victim.kill()
        test.comes_back(1).kill()
    finally:
        test.end_all()
        subprocess.run(["umount", str(test.store)], check=True)


def not_root(test):
    if os.geteuid() != 0:
        raise Skip("this is not root already: every other case shows it")
    os.chmod(test.folder, 0o777)
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise Skip("setpriv is not there (util-linux)")
    nobody = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*nobody, str(test.victims / "victim")], stdin=subprocess.DEVNULL,
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                      env={"BELAY_STORE": str(test.folder / "probe")}).returncode != 0:
        raise Skip("nobody may not execute the victim where it was built")
    victim = Victim(test, before=nobody).begin()
    expect(victim.say("count") == "1", "it can't count")
    victim.succeeds("checkpoint")
    victim.kill()
    test_line = Victim(test, before=nobody)
    expect(test_line.line() == "1", "it did not come back")
    expect(test_line.say("count") == "2", "it came back otherwise")


def read_only_directory(test):
    if os.geteuid() == 0:
        # Root may write anywhere: but not below what is a file, nor in sysfs.
        test.store.write_text("not a directory")
        Victim(test).does_not_start(errno.ENOTDIR, "BELAY_STORE", str(test.store))
        return
    test.store.mkdir(mode=0o500)
    Victim(test).does_not_start(errno.EACCES, "BELAY_STORE", str(test.store))


def another_build(test):
    test.with_checkpoints().kill()
    Victim(test, "victim_rebuilt").does_not_start(errno.EINVAL, "another build", "--fresh")
    test.comes_back(1)


def another_program(test):
    """The same as another build, to Belay: its checkpoints are not this program's."""
    test.with_checkpoints().kill()
    folder = test.folder / "seed"
    (folder / "out").mkdir(parents=True)
    environment = {**os.environ, "BELAY_STORE": str(test.store), "BELAY_NAME": "victim"}
    done = subprocess.run([str(test.torture), "1", "10", "1", str(folder)],
                          env=environment, capture_output=True, text=True, check=False)
    expect(done.returncode == 1 and "another build" in done.stderr, f"it said {done.stderr!r}")
    test.comes_back(1)


def two_at_once(test):
    first = test.with_checkpoints()
    pid = first.say("pid")
    Victim(test).does_not_start(errno.EBUSY, f"process {pid}", "BELAY_NAME")
    expect(first.say("count") == "2", "the first was disturbed")
    first.succeeds("checkpoint")
    other = Victim(test, BELAY_NAME="other").begin()
    other.succeeds("checkpoint")
    first.kill()
    test.comes_back(2)


def no_userfaultfd(test):
    compare = {"BELAY_TRACKER": "compare"}
    victim = Victim(test, **compare).begin()
    for number in range(1, 4):
        expect(victim.say("count") == str(number), "it can't count")
        victim.succeeds("checkpoint")
    victim.kill()
    again = test.comes_back(3, **compare)
    again.succeeds("checkpoint")
    again.kill()
    test.comes_back(4)


def newest_damaged(test):
    """With one incremental checkpoint a generation, the fourth begins a generation anew."""
    victim = Victim(test, BELAY_RETENTION="1").begin()
    for number in range(1, 6):
        expect(victim.say("count") == str(number), "it can't count")
        victim.succeeds("checkpoint")
    victim.kill()
    generations = test.generations()
    expect(len(generations) == 2, f"{len(generations)} generations")
    test.damage(generations[-1])
    back = Victim(test)
    expect(back.line() == "1", "it did not come back")
    counted = int(back.say("count")) - 1
    expect(1 <= counted < 5, f"it came back from number {counted}")
    said = back.kill()
    expect(generations[-1].name in said, f"nothing was said of the damage: {said!r}")


def all_damaged(test):
    test.with_checkpoints(3).kill()
    for path in test.generations():
        test.damage(path)
    Victim(test).does_not_start(errno.EBADMSG, "victim")


def foreign_store(test):
    if os.geteuid() != 0:
        raise Skip("only root can give a store away")
    test.with_checkpoints().kill()
    own = test.store / "victim"
    os.chown(own, 12345, 12345)
    Victim(test).does_not_start(errno.EACCES, "belongs to", str(own))
    os.chown(own, 0, 0)
    generation = test.generations()[-1]
    os.chown(generation, 12345, 12345)
    Victim(test).does_not_start(errno.EBADMSG)
    os.chown(generation, 0, 0)
    test.comes_back(1)


def refused(test, word, undo, *words):
    victim = test.with_checkpoints()
    victim.succeeds(word)
    victim.fails("checkpoint", errno.ENOTSUP, *words)
    expect(victim.say("count") == "2", "it did not run on")
    victim.succeeds(undo)
    victim.succeeds("checkpoint")
    victim.kill()
    test.comes_back(2)


def open_socket(test):
    refused(test, "socket", "close", "socket:", "descriptor")


def child_process(test):
    refused(test, "child", "end-child", "child")


def deleted_file(test):
    refused(test, "deleted", "close", "deleted", "descriptor")


def file_cut_short(test):
    victim = test.with_checkpoints()
    victim.succeeds("file")
    victim.succeeds("checkpoint")
    victim.kill()
    (test.folder / "file").write_text("01")
    Victim(test).does_not_start(errno.EBADMSG, str(test.folder / "file"), "fewer")
    (test.folder / "file").unlink()
    Victim(test).does_not_start(errno.ENOENT, str(test.folder / "file"))
    (test.folder / "file").write_text("0123456789 and more")
    test.comes_back(1)
    expect((test.folder / "file").read_text() == "0123456789", "it was not cut to its length")


def library_changed(test):
    """Another libbelay of the same length, or any other library, is not what was mapped."""
    library = next((p for p in map(pathlib.Path, test.libraries("victim")) if "belay" in p.name),
                   None)
    if library is None:
        raise Skip("the victim is linked statically")
    copy = test.folder / library.name
    shutil.copy2(library, copy)
    environment = {"LD_LIBRARY_PATH": str(test.folder)}
    victim = Victim(test, **environment).begin()
    victim.succeeds("checkpoint")
    victim.kill()
    kept = copy.stat()
    os.utime(copy)
    Victim(test, **environment).does_not_start(errno.ESTALE, str(copy), "changed")
    os.utime(copy, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    expect(Victim(test, **environment).line() == "1", "it did not come back")


CASES = {f.__name__: f for f in [
    full_disk, full_file_system, not_root, read_only_directory, another_build, another_program,
    two_at_once, no_userfaultfd, newest_damaged, all_damaged, foreign_store, open_socket,
    child_process, deleted_file, file_cut_short, library_changed]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--victims", type=pathlib.Path, required=True)
    parser.add_argument("--torture", type=pathlib.Path, required=True)
    parser.add_argument("case", choices=[*CASES, "all"])
    options = parser.parse_args()
    failed = 0
    for name in CASES if options.case == "all" else [options.case]:
        test = Test(options.victims.resolve(), options.torture.resolve())
        try:
            CASES[name](test)
            print(f"{name}: as it should be", flush=True)
        except Skip as skip:
            print(f"SKIPPED: {skip}", flush=True)
            if options.case != "all":
                sys.exit(SKIP)
        except AssertionError as error:
            failed += 1
            print(f"FAILED: {name}: {error}", flush=True)
        finally:
            test.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
