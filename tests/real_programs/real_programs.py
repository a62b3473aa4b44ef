#!/usr/bin/env python3
"""Goal: programs from Debian's source packages run as one region.

usage: real_programs.py --drivers DIR --check MEMORY_CHECK --work DIR [--keep] PROGRAM...

Each program has a recipe, recipes/PROGRAM.json. It is built twice: by the compiler that belay-cc
runs, and by belay-cc or belay-c++ with region_main.c around its main(). Committed, its own test
suite must pass and say what it says of the plain build; rolled back, every word of its writable
memory must be what it was at the start, as another process sees it over ptrace, but for those that
allowed.txt lists; and the program, which then runs once more, prints what it prints without a
rollback.

A recipe has
    source      the Debian source package
    configure   commands (of sh, in the package's folder), run without regions
    build       commands, run with regions; CC and CXX are the compilers
    test        commands: the program's own test suite, with regions committed
    expect      a pattern (of re): what the suite's output must have. Its matches must be those of
                the plain build's suite
    without     what of the suite is left out, and why
    rollback    runs: {"command": [...], "input": a file's name or null}; {here}: recipes' folder
    ignore      a pattern for what the runs print by the clock
    flags       options for the compiler, besides -O2 -g
"""

import argparse
import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "include"
PLAIN, REGIONS = "plain", "regions"  # builds, and their folders
SKIP = 77  # CTest's SKIP_RETURN_CODE
BUILD_S, TEST_S, RUN_S = 1800, 1800, 300
LEVEL = "-O2"

# $BELAY_TEST_REGION: empty while a package is configured, whose probes are no programs.
COMPILER = """#!/bin/sh
# {driver}, which links region_main.o around main() of each program.
if [ -z "$BELAY_TEST_REGION" ]; then exec {driver} "$@"; fi
for word in "$@"; do
  case "$word" in -c|-S|-E|-M|-MM|-shared|-r|--version|-v|-dumpmachine|-print*)
    exec {driver} "$@";;
  esac
done
exec {driver} "$@" {main} -Wl,--wrap=main -Wl,--wrap=exit.ckpt \\
  -Wl,--defsym=__real_main.ckpt=main.ckpt -Wl,-z,now
"""


class Failure(Exception):
    """What went wrong, as a sentence."""


class Unavailable(Exception):
    """What this machine lacks."""


def run(command, *, log, seconds, **options):
    """A command of sh, or a list. Its output goes to `log`, and is returned as well."""
    shown = command if isinstance(command, str) else shlex.join(map(str, command))
    try:
        done = subprocess.run(command, shell=isinstance(command, str), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, check=False,
                              **{"stdin": subprocess.DEVNULL, **options})
    except subprocess.TimeoutExpired as late:
        raise Failure(f"took more than {seconds} s: {shown}") from late
    text = done.stdout.decode(errors="replace")
    with log.open("a") as out:
        out.write(f"$ {shown}\n{text}\n")
    return done.returncode, text


def must_run(command, **options):
    status, text = run(command, **options)
    if status != 0:
        tail = "\n".join(text.splitlines()[-15:])
        raise Failure(f"status {status}: {command}\n{tail}")
    return text


def source_lists(to):
    """deb-src lists of the archives that the machine is configured for."""
    to.mkdir(parents=True, exist_ok=True)
    found = [pathlib.Path("/etc/apt/sources.list"),
             *pathlib.Path("/etc/apt/sources.list.d").glob("*.list"),
             *pathlib.Path("/etc/apt/sources.list.d").glob("*.sources")]
    for path in found:
        text = path.read_text() if path.exists() else ""
        if path.suffix == ".sources":
            text = re.sub(r"^Types:.*$", "Types: deb-src", text, flags=re.M)
        else:
            text = re.sub(r"^deb(-src)?\b", "deb-src", text, flags=re.M)
        # Only Debian's own have the packages.
        if re.search(r"debian", text, re.I):
            (to / path.name).write_text(text)


def fetch(source, work, log):
    """The unpacked source package."""
    found = [path for path in work.glob("source/*") if path.is_dir()]
    if found:
        return found[0]
    apt = work.parent / "apt"
    if not (apt / "updated").exists():
        source_lists(apt / "lists.d")
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (apt / folder).mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::Etc::SourceList={apt}/none", "-o",
               f"Dir::Etc::SourceParts={apt}/lists.d", "-o", f"Dir::State::Lists={apt}/state/lists",
               "-o", f"Dir::Cache={apt}/cache", "-o", "APT::Sandbox::User=root"]
    if not (apt / "updated").exists():
        run(["apt-get", *options, "update"], log=log, seconds=BUILD_S)
        (apt / "updated").touch()
    (work / "source").mkdir(parents=True, exist_ok=True)
    status, _ = run(["apt-get", *options, "source", source], log=log, seconds=BUILD_S,
                    cwd=work / "source")
    found = [path for path in work.glob("source/*") if path.is_dir()]
    if status != 0 or not found:
        raise Unavailable(f"apt-get source {source} gives nothing here; see {log}")
    return found[0]


class Program:
    """One recipe, and what is built from it."""

    def __init__(self, name, options):
        self.name = name
        self.recipe = json.loads((HERE / "recipes" / f"{name}.json").read_text())
        self.work = options.work / name
        self.work.mkdir(parents=True, exist_ok=True)
        self.log = self.work / "log"
        self.log.write_text("")
        self.check = options.check
        # Debian's patches touch what generates makefiles; nothing is to be generated again.
        tools = ("ACLOCAL", "AUTOCONF", "AUTOHEADER", "AUTOMAKE", "MAKEINFO")
        self.environment = {**os.environ, "LC_ALL": "C", "LD_BIND_NOW": "1",
                            "MAKEFLAGS": "-- " + " ".join(f"{tool}=:" for tool in tools)}
        self.make_compilers(options.drivers)

    def make_compilers(self, drivers):
        folder = self.work / "compilers"
        folder.mkdir(exist_ok=True)
        main, heap = folder / "region_main.o", folder / "region_heap.o"
        plain = subprocess.run([drivers / "belay-cc", "-print-prog-name=clang"], check=True,
                               capture_output=True, text=True).stdout.strip()
        for compiler, made in ((drivers / "belay-cc", main), (plain, heap)):
            must_run([compiler, LEVEL, "-g", "-fPIC", "-fno-builtin", f"-I{INCLUDE}", "-c",
                      HERE / made.with_suffix(".c").name, "-o", made], log=self.log,
                     seconds=BUILD_S)
        self.compilers = {PLAIN: {"CC": plain, "CXX": f"{plain}++"}, REGIONS: {}}
        for variable, driver in (("CC", "belay-cc"), ("CXX", "belay-c++")):
            path = folder / driver
            path.write_text(COMPILER.format(driver=drivers / driver, main=f"{main} {heap}"))
            path.chmod(0o755)
            self.compilers[REGIONS][variable] = str(path)
        # What clang 19 refuses of C before 1999.
        old = "-Wno-implicit-function-declaration -Wno-implicit-int -Wno-int-conversion"
        flags = f"{LEVEL} -g -w {old} {self.recipe.get('flags', '')}"
        self.environment["CFLAGS"] = self.environment["CXXFLAGS"] = flags

    def all_of(self, step, build, regions):
        environment = {**self.environment, **self.compilers[build],
                       "BELAY_TEST_REGION": "1" if regions else ""}
        return "".join(
            must_run(command, log=self.log, seconds=BUILD_S, cwd=self.work / build,
                     env=environment)
            for command in self.recipe.get(step, []))

    def build(self):
        source = fetch(self.recipe["source"], self.work, self.log)
        self.folder = self.work / REGIONS
        for build in (PLAIN, REGIONS):
            if (self.work / f"built.{build}").exists():
                continue
            shutil.rmtree(self.work / build, ignore_errors=True)
            shutil.copytree(source, self.work / build, symlinks=True)
            self.all_of("configure", build, False)
            self.all_of("build", build, True)
            (self.work / f"built.{build}").touch()

    def test_committed(self):
        pattern = self.recipe["expect"]

        def verdicts(build):
            text = self.all_of("test", build, True).replace(str(self.work / build), "")
            (self.work / f"suite.{build}").write_text(text)
            return [match.group(0) for match in re.finditer(pattern, text, re.M)]

        plain = self.work / f"verdicts.{PLAIN}"
        if not plain.exists():
            plain.write_text(json.dumps(verdicts(PLAIN)))
        expected, found = json.loads(plain.read_text()), verdicts(REGIONS)
        if not found:
            raise Failure(f"the test suite says nothing like {pattern}; see {self.log}")
        if found != expected:
            other = [line for line in found if line not in expected][:5]
            lost = [line for line in expected if line not in found][:5]
            raise Failure(f"the test suite says {other}, and of the plain build {lost}; "
                          f"see {self.work}/suite.*")
        return f"{len(found)} lines as without regions, the last: {found[-1].strip()[-100:]}"

    def test_rolled_back(self, wanted):
        command = [word.replace("{here}", str(HERE / "recipes")) for word in wanted["command"]]

        def output(prefix, **environment):
            source = (wanted.get("input") or os.devnull).replace("{here}", str(HERE / "recipes"))
            path = self.folder / source
            with open(path, "rb") as stdin:
                status, text = run([*prefix, *command], log=self.log, seconds=RUN_S,
                                   stdin=stdin, cwd=self.folder,
                                   env={**self.environment, **environment})
            return status, re.sub(self.recipe.get("ignore", r"\A\Z"), "", text, flags=re.M)

        plain = output([])
        lines = self.work / "report"
        lines.write_text("")
        status, text = output([self.check, lines], BELAY_TEST_ROLLBACK="1")
        lines = lines.read_text().splitlines()
        report = [line for line in lines if line.startswith("compared ")]
        differing = [line for line in lines
                     if not line.startswith("compared ") and not self.is_allowed(line)]
        if not report:
            raise Failure(f"{shlex.join(command)}: no rollback was seen, status {status}:\n"
                          f"{text[-800:]}")
        if differing:
            shown = (" ".join([line, *variables_of(line)]) for line in differing[:12])
            raise Failure(f"{shlex.join(command)}: {len(differing)} words differ:\n" +
                          "\n".join(shown))
        if plain != (status, text):
            raise Failure(f"{shlex.join(command)}: after the rollback it prints something else, "
                          f"or ends with {status} instead of {plain[0]}; see {self.log}")
        return f"{report[0]}; {len(lines) - 1} are allowed to"

    def is_allowed(self, line):
        entries = [entry.split("  ")[0] for entry in (HERE / "allowed.txt").read_text().splitlines()
                   if entry and not entry.startswith("#")]
        return all(any(re.fullmatch(entry, variable) for entry in entries)
                   for variable in variables_of(line))


@functools.lru_cache
def variables_in(path):
    """[(address, size, name)] of a file's variables, with those of its debugging symbols."""
    notes = subprocess.run(["readelf", "-nW", path], capture_output=True, text=True, check=False)
    build_id = re.search(r"Build ID: (..)(\w+)", notes.stdout)
    files = [path]
    if build_id:
        files.append(f"/usr/lib/debug/.build-id/{build_id.group(1)}/{build_id.group(2)}.debug")
    found = set()
    for each in files:
        if os.path.exists(each):
            symbols = subprocess.run(["nm", "-S", "--defined-only", each], capture_output=True,
                                     text=True, check=False).stdout
            found |= {(int(at, 16), int(size, 16), name.split("@")[0]) for at, size, name in
                      re.findall(r"^(\w+) (\w+) [bBdDvV] (\S+)", symbols, re.M)}
    return sorted(found)


def variables_of(line):
    """FILE:VARIABLE for each byte that differs; FILE+OFFSET where none is known."""
    match = re.match(r"differs \w+ (\w+) (\w+) (/\S+)\+(\w+)$", line)
    if not match:
        return {line.split()[-1]}
    was, now, at = (int(match.group(i), 16) for i in (1, 2, 4))
    name, found = os.path.basename(match.group(3)), set()
    for byte in (at + i for i in range(8) if (was ^ now) >> 8 * i & 0xff):
        found.add(next((f"{name}:{variable}" for start, size, variable
                        in variables_in(match.group(3)) if start <= byte < start + size),
                       f"{name}+{byte:x}"))
    return found


def check(name, options):
    program = Program(name, options)
    program.build()
    print(f"{name}: committed: {program.test_committed()}", flush=True)
    for wanted in program.recipe["rollback"]:
        print(f"{name}: rolled back: {program.test_rolled_back(wanted)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drivers", type=pathlib.Path, required=True, help="where belay-cc is")
    parser.add_argument("--check", type=pathlib.Path, required=True, help="memory_check")
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()
    for path in ("drivers", "check", "work"):
        setattr(options, path, getattr(options, path).resolve())
    options.work.mkdir(parents=True, exist_ok=True)
    libc = re.search(r"/\S*libc\.so\.6", subprocess.run(["ldd", options.check], check=True,
                                                         capture_output=True, text=True).stdout)
    if not any(name == "main_arena" for _, _, name in variables_in(libc.group(0))):
        print("the names of the C library's variables are not here (Debian: libc6-dbg)")
        sys.exit(SKIP)
    failed = False
    for name in options.programs:
        try:
            check(name, options)
        except Failure as why:
            print(f"{name}: {why}")
            failed = True
        except Unavailable as why:
            print(why)
            sys.exit(SKIP)
    sys.exit(failed)


if __name__ == "__main__":
    main()
