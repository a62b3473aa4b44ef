#!/usr/bin/env python3
"""Links a program of tests/region/lookup in one of many ways, runs it, and compares with what its
first source promises, as run_victim.py does.
"""

import argparse
import dataclasses
import pathlib
import subprocess
import sys

from run_victim import check_run

HERE = pathlib.Path(__file__).resolve().parent / "lookup"


@dataclasses.dataclass
class Object:
    """One source; PLAIN by clang alone, in SHARED a library of its own, which UNLINKED programs
    load by themselves."""
    source: str
    options: str = ""
    plain: bool = False
    shared: str = ""
    link: str = ""
    archive: bool = False
    unlinked: bool = False


@dataclasses.dataclass
class Way:
    objects: list
    link: str = ""
    environment: dict = dataclasses.field(default_factory=dict)


def with_library(main="", link="", **library):
    """main.c and the library that it calls."""
    return Way([Object("main.c", main), Object("library.c", **library)], f"{main} {link}")


def shared(main="", options="", link="", **rest):
    return with_library(main, options=f"-fPIC {options}", shared="liblibrary.so", link=link, **rest)


def own_name(source, options="", link="", **rest):
    """SOURCE and the function by a name of libc's that it calls."""
    return Way([Object(source, options), Object("own_name_other.c", options, **rest)],
               f"{options} {link}")


def own_malloc(options="", **rest):
    return Way([Object("own_malloc.c"),
                Object("own_malloc_other.c", f"{options} -fno-builtin", plain=True, **rest)])


def plugin(name, which):
    return Object("plugin.c", f"-fPIC -DWHICH={which}", shared=name, unlinked=True)


NO_PIC = "-fno-pic -no-pie"
WAYS = {
    "pic": shared("-fPIE -pie"),
    "no_pic": shared(NO_PIC),
    "no_pic_now": shared(f"{NO_PIC} -Wl,-z,now"),
    "symbolic": shared("-fPIE -pie", link="-Wl,-Bsymbolic"),
    "no_plt": shared("-fno-plt"),
    "one_program": with_library(),
    "one_program_no_pic": with_library(NO_PIC, options=NO_PIC),
    "archive": with_library(archive=True),
    "static": with_library("-static"),
    "static_no_pic": with_library("-fno-pic -static", options="-fno-pic"),
    "static_pie": with_library("-fPIE -static-pie", options="-fPIE"),
    "sections": with_library("-ffunction-sections -fdata-sections -Wl,--gc-sections",
                             options="-ffunction-sections -fdata-sections"),
    "hidden": with_library("-fvisibility=hidden", options="-fvisibility=hidden"),
    "icf": with_library("-fuse-ld=lld -ffunction-sections -Wl,--icf=all",
                        options="-ffunction-sections"),
    "lto": with_library("-flto -fuse-ld=lld -DNO_IFUNCS", options="-flto -DNO_IFUNCS"),
    "sanitize": shared("-fsanitize=function", options="-fsanitize=function"),
    "sanitize_one": with_library("-fsanitize=function", options="-fsanitize=function"),
    "machine_code": Way([Object("machine_code.c")], "-rdynamic"),
    "comdat": Way([Object("comdat_plain.cc", plain=True), Object("comdat.cc")]),
    "plain_pointer": Way([Object("plain_pointer.c"), Object("library.c", plain=True)],
                         "-rdynamic"),
    "plain_library": Way([Object("plain_pointer.c"), Object("library.c", "-fPIC", plain=True,
                                                            shared="liblibrary.so")], "-rdynamic"),
    "folded": Way([Object("folded.c", "-ffunction-sections")], "-fuse-ld=lld -Wl,--icf=all"),
    "same_name": Way([Object("same_name.c"), Object("same_name_other.c", "-fno-builtin")]),
    "own_name": own_name("own_name.c", plain=True),
    "own_name_no_pic": own_name("own_name.c", NO_PIC, plain=True),
    "own_name_static": own_name("own_name.c", "-static", plain=True),
    "own_name_library": own_name("own_name.c", "-fPIC", plain=True, shared="libown.so"),
    "own_pointer": own_name("own_pointer.c", link="-rdynamic", plain=True),
    "own_pointer_no_pic": own_name("own_pointer.c", NO_PIC, link="-rdynamic", plain=True),
    "own_pointer_library": own_name("own_pointer.c", "-fPIC", plain=True, shared="libown.so"),
    "own_compiled": own_name("own_compiled.c"),
    "own_compiled_static": own_name("own_compiled.c", "-static"),
    "own_compiled_library": own_name("own_compiled.c", "-fPIC", shared="libown.so"),
    "own_malloc": own_malloc(),
    "own_malloc_library": own_malloc("-fPIC", shared="libown.so"),
    "loaded": Way([Object("loaded.c"), plugin("libplugin0.so", 0), plugin("libplugin1.so", 1)]),
    "unloaded": Way([Object("unloaded.c"), plugin("libplugin0.so", 0)], "-rdynamic"),
    "bind_now": dataclasses.replace(shared(NO_PIC), environment={"LD_BIND_NOW": "1"}),
}


class Builder:
    def __init__(self, drivers, work, target):
        self.drivers = drivers
        self.target = [f"--target={target}"] if target else []
        self.work = work

    def run(self, *words):
        subprocess.run([str(word) for word in words], check=True, cwd=self.work)

    def driver(self, source, plain=False):
        is_c = source.endswith(".c")
        if plain:
            return ["clang-19" if is_c else "clang++-19", *self.target]
        return [self.drivers / ("belay-cc" if is_c else "belay-c++")]

    def build(self, each):
        """What the program links of it."""
        made = self.work / f"{pathlib.Path(each.source).stem}{each.shared}.o"
        language = [] if each.source.endswith(".c") else ["-std=c++20"]
        self.run(*self.driver(each.source, each.plain), "-O2", "-g", "-Wall", *language,
                 "-Qunused-arguments", *each.options.split(), "-c", HERE / each.source, "-o", made)
        if each.archive:
            self.run("ar", "rcs", "liblibrary.a", made)
            return ["liblibrary.a"]
        if not each.shared:
            return [made]
        self.run(*self.driver(each.source, each.plain), *each.options.split(), "-shared",
                 *each.link.split(), made, "-o", each.shared)
        return [] if each.unlinked else [each.shared]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drivers", type=pathlib.Path, help="where belay-cc is")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--run", default="", help="what runs the program, and its options")
    parser.add_argument("--target", help="of objects that clang alone compiles")
    parser.add_argument("--list", action="store_true", help="print the ways, and do nothing")
    parser.add_argument("way", choices=WAYS, nargs="?")
    arguments = parser.parse_args()
    if arguments.list:
        return print(*WAYS)
    if not (arguments.drivers and arguments.work and arguments.way):
        parser.error("--drivers, --work and a way are needed")
    way = WAYS[arguments.way]
    arguments.work.mkdir(parents=True, exist_ok=True)
    builder = Builder(arguments.drivers, arguments.work, arguments.target)
    linked = [word for each in way.objects for word in builder.build(each)]
    # Not for static programs: glibc asserts that they have none.
    origin = ["-Wl,-rpath,$ORIGIN"] if any(each.shared for each in way.objects) else []
    first = next(each.source for each in way.objects if not each.plain)
    builder.run(*builder.driver(first), "-Qunused-arguments", *linked, *way.link.split(),
                *origin, "-o", "program")
    check_run(HERE / first, [*arguments.run.split(), arguments.work / "program"], way.environment)
    return None


if __name__ == "__main__":
    sys.exit(main())
