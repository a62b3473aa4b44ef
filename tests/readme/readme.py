#!/usr/bin/env python3
"""Goal: what README.md says is so: its links, its program and that program's output, its commands.

usage: readme.py --build DIR --work DIR links|program|region|savepoint|cmake|commands
"""

import argparse
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys

SKIP = 77  # CTest's SKIP_RETURN_CODE
ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language):
    """The fenced code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def expect(condition, sentence):
    if not condition:
        sys.exit(f"FAILED: {sentence}")


def must(command, **options):
    done = subprocess.run(command, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    expect(done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def install(options):
    """An install under HOME/.local, and the environment of a user who has it."""
    home = options.work / "home"
    prefix = home / ".local"
    prefix.mkdir(parents=True)
    must(["cmake", "--install", str(options.build), "--prefix", str(prefix)])
    return environment(home)


def environment(home):
    prefix = home / ".local"
    libraries = next(prefix.rglob("libbelay.so"), prefix / "lib/none").parent
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("BELAY_")},
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "PATH": f"{prefix}/bin:{os.environ['PATH']}",
        "PKG_CONFIG_PATH": str(libraries / "pkgconfig"),
        "LD_LIBRARY_PATH": str(libraries),
    }


def on_terminal(command, folder, env):
    """What a shell shows of a command whose output goes to a terminal, as a reader would see it."""
    reader, writer = pty.openpty()
    process = subprocess.Popen(["bash", "-c", command], cwd=folder, env=env, stdout=writer,
                               stderr=writer, stdin=subprocess.DEVNULL)
    os.close(writer)
    output = b""
    while True:
        try:
            piece = os.read(reader, 4096)
        except OSError:  # the other end is closed: what Linux says instead of end of file
            break
        if not piece:
            break
        output += piece
    os.close(reader)
    status = process.wait()
    return output.decode().replace("\r\n", "\n"), status


def check_links(_options):
    """Links lead somewhere in the repository, and the diagram's folders are there."""
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not re.match(r"\w+://", target):
            expect((ROOT / target).exists(), f"README.md links to {target}, which is not there")
    diagram = blocks("text")[0]
    folders = re.findall(r"(?:src|include)/\w+/", diagram)
    expect(len(folders) > 5, "the diagram names no folders")
    for folder in folders:
        expect((ROOT / folder).is_dir(), f"the diagram names {folder}, which is not there")
    for script in re.findall(r"\bscript/\w+", README):
        expect(os.access(ROOT / script, os.X_OK), f"README.md names {script}, which does not run")


def check_shown(options, index, example, file, compiler):
    """README's program of that index is the example, builds with the line given, and prints what is
    shown."""
    program = blocks("c")[index]
    code = re.sub(r"\A(?:\s*//[^\n]*\n|\s*/\*.*?\*/\s*\n)+\s*", "",
                  (ROOT / example).read_text(), flags=re.S)
    expect(code.strip() == program.strip(), f"README's program is not {example}")
    env = install(options)
    if shutil.which(compiler, path=env["PATH"]) is None:
        print(f"SKIPPED: {compiler} is not installed (script/packages clang)")
        sys.exit(SKIP)
    (options.work / file).write_text(program)
    compile_line = next(line for block in blocks("sh") for line in block.splitlines()
                        if line.startswith(f"{compiler} ") and file in line)
    must(["bash", "-ec", compile_line], cwd=options.work, env=env)
    shown = blocks("console")[index]
    for part in re.split(r"^\$ ", shown, flags=re.M)[1:]:
        command, _, expected = part.partition("\n")
        output, _ = on_terminal(f"{command} || kill -l $?", options.work, env)
        # The word that a shell has for the signal depends on the shell.
        output = re.sub(r"(?m)^(?:.*: line \d+: .*Killed.*|KILL)\n", "", output)
        expected = expected.replace("Killed\n", "")
        expect(output == expected, f"{command} printed\n{output}\ninstead of\n{expected}")


def check_program(options):
    check_shown(options, 0, "examples/hello_checkpoint.c", "hello.c", "cc")


def check_region(options):
    check_shown(options, 1, "examples/hello_region.c", "purse.c", "belay-cc")


def check_savepoint(options):
    check_shown(options, 2, "examples/hello_savepoint.c", "crosses.c", "cc")


def check_cmake(options):
    """The two lines of CMake build the program."""
    env = install(options)
    (options.work / "hello.c").write_text(blocks("c")[0])
    (options.work / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\nproject(Hello C)\nadd_executable(hello hello.c)\n"
        + blocks("cmake")[0])
    must(["cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={env['HOME']}/.local"],
         cwd=options.work, env=env)
    must(["cmake", "--build", "build"], cwd=options.work, env=env)


def check_commands(options):
    """The two commands work for somebody who has nothing yet."""
    home = options.work / "home"
    home.mkdir()
    (options.work / "anything.c").write_text(
        '#include <stdio.h>\nint main(void) { puts("anything"); return 0; }\n')
    must(["cc", "-o", "anything", "anything.c"], cwd=options.work)
    setup, run = [line.partition("#")[0].strip() for line in blocks("sh")[0].splitlines()
                  if not line.startswith(" ")]
    env = environment(home)
    if os.environ.get("BELAY_TEST_FULL", "0") != "1":  # minutes: nothing else builds a release
        env["BELAY_SETUP_BUILD"] = str(options.build)
    must(["bash", "-ec", setup], cwd=ROOT, env=env)
    output = must(["bash", "-ec", run], cwd=options.work, env=environment(home))
    expect("anything\n" in output, f"{run} printed {output!r}")


CHECKS = {"links": check_links, "program": check_program, "region": check_region,
          "savepoint": check_savepoint, "cmake": check_cmake,
          "commands": check_commands}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("check", choices=CHECKS)
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    CHECKS[options.check](options)
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
