#!/usr/bin/env python3
"""Goal: programs with regions build against an install of Belay, and roll back.

usage: region.py --build DIR --work DIR --how cmake|driver

cmake: find_package(Belay COMPONENTS region) and belay_instrument(). driver: belay-cc and belay-c++,
which find all by themselves, and pkg-config for the last step. Both also with -flto and -flto=thin.
"""

import argparse
import os
import pathlib
import shutil

from consumer import expect, find_one, must

PROJECT = pathlib.Path(__file__).resolve().parent / "region_project"
SAY = {"region_c": "5 0\n6 7\n", "region_cpp": "1 0\n2 9\n"}
MODES = {"plain": [], "lto": ["-flto", "-fuse-ld=lld"], "thinlto": ["-flto=thin", "-fuse-ld=lld"]}


def check(folder, library_path):
    env = {**os.environ, "LD_LIBRARY_PATH": f"{library_path}:{folder}"}
    for name, expected in SAY.items():
        said = must([folder / name], env=env, timeout=60)
        expect(said == expected, f"{folder.name}: {name} said {said!r}, not {expected!r}")
        print(f"{folder.name}: {name} rolled back")


def build_with_cmake(folder, prefix, flags):
    must(["cmake", "-S", PROJECT, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}",
          "-DCMAKE_C_COMPILER=clang-19", "-DCMAKE_CXX_COMPILER=clang++-19",
          "-DCMAKE_AR=/usr/bin/llvm-ar-19", "-DCMAKE_RANLIB=/usr/bin/llvm-ranlib-19",
          "-DCMAKE_BUILD_TYPE=Release", *(f"-DCMAKE_{language}_FLAGS={' '.join(flags)}"
                                          for language in ("C", "CXX"))])
    must(["cmake", "--build", folder])


def build_with_driver(folder, prefix, flags):
    folder.mkdir()
    env = {**os.environ, "PKG_CONFIG_PATH": str(find_one(prefix, "belay_region.pc").parent)}
    libraries = must(["pkg-config", "--cflags", "--libs", "belay_region_cxx"], env=env).split()
    cc = [prefix / "bin/belay-cc", "-O2", "-Wall", "-Werror", *flags]
    cxx = [prefix / "bin/belay-c++", "-std=c++17", *cc[1:]]
    for compiler, source in ((cc, "cells.c"), (cc, "region_c.c"), (cxx, "region_cpp.cc")):
        must([*compiler, "-Wno-unused-command-line-argument", "-c", PROJECT / source,
              "-o", folder / f"{source}.o"])
    must([*cxx, "-shared", "-fPIC", PROJECT / "names.cc", "-o", folder / "libnames.so"])
    must(["llvm-ar-19", "rcs", folder / "libcells.a", folder / "cells.c.o"])
    must([*cc, folder / "region_c.c.o", folder / "libcells.a", "-o", folder / "region_c"])
    # The last step may be another driver's.
    last = ["clang++-19", *flags] if flags else ["g++"]
    must([*last, folder / "region_cpp.cc.o", folder / "libcells.a", folder / "libnames.so",
          *libraries, "-o", folder / "region_cpp"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--how", choices=("cmake", "driver"), required=True)
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    prefix = options.work / "prefix"
    prefix.mkdir(parents=True)
    must(["cmake", "--install", options.build, "--prefix", prefix])
    build = build_with_cmake if options.how == "cmake" else build_with_driver
    for mode, flags in MODES.items():
        build(options.work / mode, prefix, flags)
        check(options.work / mode, find_one(prefix, "libbelay_region.so").parent)
    print("ok")


if __name__ == "__main__":
    main()
