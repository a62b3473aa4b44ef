#!/usr/bin/env python3
"""Goal: a program outside of this project builds against an install of Belay, and works.

usage: consumer.py --build DIR --work DIR --how cmake|pkg-config|component|command --cc CC --cxx CXX

Exit code 77: the compiler is not installed.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys

PROJECT = pathlib.Path(__file__).resolve().parent / "project"
CONSUMERS = ("consumer_c", "consumer_cpp")


def run(command, **options):
    """The finished command; shown, with its output, when it fails."""
    done = subprocess.run([str(word) for word in command], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    expected = done.returncode == 0
    if not expected:
        print("$", *command, f"\n{done.stdout}\n-> {done.returncode}")
    return done


def must(command, **options):
    done = run(command, check=False, **options)
    if done.returncode != 0:
        sys.exit(1)
    return done.stdout


def expect(condition, sentence):
    if not condition:
        sys.exit(f"FAILED: {sentence}")


def find_one(folder, name):
    found = sorted(path for path in folder.rglob(name) if path.is_file())
    expect(found, f"the install has no {name}")
    return found[0]


def build_with_cmake(options, prefix):
    build = options.work / "build"
    must(["cmake", "-S", PROJECT, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}",
          f"-DCMAKE_C_COMPILER={options.cc}", f"-DCMAKE_CXX_COMPILER={options.cxx}"])
    must(["cmake", "--build", build])
    return build


def build_with_pkg_config(options, prefix):
    env = {**os.environ, "PKG_CONFIG_PATH": str(find_one(prefix, "belay.pc").parent)}
    version = must(["pkg-config", "--modversion", "belay"], env=env).strip()
    expect(version.count(".") == 2, f"belay.pc has version {version!r}")
    flags = must(["pkg-config", "--cflags", "--libs", "belay"], env=env).split()
    for compiler, standard, source in ((options.cc, "-std=c11", "consumer_c.c"),
                                       (options.cxx, "-std=c++20", "consumer_cpp.cc")):
        must([compiler, standard, "-Wall", "-Wextra", "-Werror", "-o",
              options.work / pathlib.Path(source).stem, PROJECT / source, *flags])
    if any(prefix.rglob("belay_malloc.pc")):
        flags = must(["pkg-config", "--cflags", "--libs", "belay_malloc"], env=env).split()
        must([options.cc, "-o", options.work / "consumer_malloc", PROJECT / "consumer_malloc.c",
              *flags])
    return options.work


def check_comes_back(program, prefix, store):
    """First run: killed by SIGKILL after its checkpoint. Second run: goes on from there."""
    library_path = str(find_one(prefix, "libbelay.so").parent)
    env = {**os.environ, "BELAY_STORE": str(store), "LD_LIBRARY_PATH": library_path}
    first = run([program], env=env, timeout=120)
    expect(first.returncode == -signal.SIGKILL,
           f"{program.name} ended with {first.returncode} instead of being killed: {first.stdout}")
    second = run([program], env=env, timeout=120)
    expect(second.returncode == 0 and "came back with 42" in second.stdout,
           f"{program.name} did not come back: {second.returncode}: {second.stdout}")
    print(f"{program.name}: killed, came back")


def check_malloc(program, prefix):
    """Plain malloc takes from the arena, where the install has the library for that."""
    if any(prefix.rglob("libbelay_malloc.so")):
        library_path = str(find_one(prefix, "libbelay.so").parent)
        must([program], env={**os.environ, "LD_LIBRARY_PATH": library_path}, timeout=120)


def check_component(options, prefix):
    """A component that does not exist is refused by name; an optional one is only not found."""
    project = options.work / "project"
    project.mkdir()
    for words, refused in (("REQUIRED COMPONENTS checkpoint nonsense", True),
                           ("REQUIRED COMPONENTS checkpoint OPTIONAL_COMPONENTS nonsense", False),
                           ("9.0 REQUIRED", True)):
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.20)\nproject(Component C CXX)\n"
            f"find_package(Belay {words})\n")
        done = subprocess.run(["cmake", "-S", project, "-B", options.work / "build", "--fresh",
                               f"-DCMAKE_PREFIX_PATH={prefix}"],
                              capture_output=True, text=True, check=False)
        expect((done.returncode != 0) == refused, f"find_package(Belay {words}): {done.stderr}")
        if refused and "nonsense" in words:
            expect("no component 'nonsense'" in " ".join(done.stderr.split()), done.stderr)


def check_command(prefix):
    """The command finds its library in the install, and its pages are where man looks."""
    command = find_one(prefix, "belay")
    expect(command.parent.name == "bin", f"{command} is not in bin")
    expect("belay" in must([command, "--help"]), "belay --help does not name itself")
    must([command, "--version"])
    find_one(prefix, "belay.1")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--how", choices=("cmake", "pkg-config", "component", "command"))
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--cxx", default="c++")
    options = parser.parse_args()
    for compiler in (options.cc, options.cxx):
        if shutil.which(compiler) is None:
            print(f"{compiler} is not installed")
            return 77
    shutil.rmtree(options.work, ignore_errors=True)
    prefix = options.work / "prefix"
    prefix.mkdir(parents=True)
    must(["cmake", "--install", options.build, "--prefix", prefix])
    if options.how == "component":
        check_component(options, prefix)
    elif options.how == "command":
        check_command(prefix)
    else:
        build = build_with_cmake if options.how == "cmake" else build_with_pkg_config
        folder = build(options, prefix)
        check_malloc(folder / "consumer_malloc", prefix)
        for consumer in CONSUMERS:
            check_comes_back(folder / consumer, prefix, options.work / "store")
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
