#!/usr/bin/env python3
"""Goal: random programs with regions at random places, committed and rolled back at random, do what
they do without, at -O0 to -O3, with and without LTO.

usage: region_campaign.py --drivers DIR [c] [mixed] [c++] [--programs N] [--seed N] [--full]

C programs come from csmith (c_program.py); what it does not write, from mixed_program.py; C++
programs from cpp_program.py. Each is built twice:
by belay-cc, and as the reference, in which what is rolled back runs in a child process
(harness.h). It runs under each policy with a few seeds; its output must be the reference's, and
after every rollback its memory must be word by word what it was (harness.c). A failed program is
kept, with fewer regions if it fails with those too.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

import c_program
import cpp_program
import mixed_program

HERE = pathlib.Path(__file__).resolve().parent
SKIP = 77  # CTest's SKIP_RETURN_CODE
PROGRAMS = {"c": 100, "mixed": 40, "c++": 4}  # of a sample: some three minutes on two cores
PROGRAMS_FULL = {"c": 20000, "mixed": 10000, "c++": 400}
# A reference that takes longer is void: rollbacks may well make loops endless. Those of C++ fork.
REFERENCE_S = {"c": 1, "mixed": 5, "c++": 10}
PATIENCE_S = 120
COMPILE_S = 240
RUNS = [("commit", 1), ("retry", 1), ("retry", 2), ("skip", 1), ("skip", 2), ("skip", 3)]
LEVELS = [(level, lto) for lto in ("", "full", "thin") for level in ("-O0", "-O1", "-O2", "-O3")]
SWITCHES = [[], [], ["-DRG_ONCE"],
            *(["-mllvm", f"-belay-{switch}"] for switch in (
                "buffer=hash", "no-inline", "no-shadows", "no-born", "no-redundant", "no-promotion",
                "no-loop-top", "signal-safe"))]
# Of clang's own, with half of the programs and with their references. Behind the level.
OPTIONS = [["-march=native", "-ffp-contract=off"], ["-g"], ["-fno-pie", "-no-pie"], ["-fPIC"],
           ["-Os"], ["-Oz"], ["-ftrivial-auto-var-init=pattern"], ["-fstack-protector-all"],
           ["-fexceptions"], ["-D_FORTIFY_SOURCE=2"], ["-fno-inline"], ["-fno-builtin"],
           ["-funroll-loops"], ["-fcf-protection"], ["-fno-plt"], ["-fno-semantic-interposition"],
           ["-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"]]
SHADOW = ["-mllvm", "-belay-shadow"]  # with one in three
# How the two parts of a mixed program meet.
WAYS = {"linked": [], "loaded": [], "threads": ["-DRG_THREADS", "-DRG_NO_COMPARE"]}


class Void(Exception):
    """A program that can't be judged: its reference crashes, or takes too long."""


class Failure(Exception):
    """What went wrong, as a sentence."""


class Language:
    """How programs of a language are made and built."""

    def __init__(self, name, options):
        self.name = name
        self.suffix = ".cc" if name == "c++" else ".c"
        self.generate = {"c": c_program, "mixed": mixed_program, "c++": cpp_program}[name].generate
        self.driver = options.drivers / ("belay-c++" if name == "c++" else "belay-cc")
        self.compiler = ["clang++-19" if name == "c++" else "clang-19"]
        include = c_program.INCLUDE if name == "c" else str(HERE)
        # csmith writes loops that never end, which a compiler may take for loops that do.
        self.flags = ["-w", f"-I{HERE}", f"-I{include}", "-fno-strict-aliasing",
                      "-fno-finite-loops"]
        self.flags += ["-std=c++20"] if name == "c++" else ["-fwrapv"] if name == "mixed" else []


def execute(command, timeout_s, **environment):
    """(output, code); a program that is killed for its time has the code None."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BELAY_", "RG_"))}
    if "BELAY_MUTANT" in os.environ:
        inherited["BELAY_MUTANT"] = os.environ["BELAY_MUTANT"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True,
                          env={**inherited, **environment}) as process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
            return output.decode(errors="replace"), process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)  # the reference's children too
            process.communicate()
            return "", None


class Program:
    """One program, from its generation to its verdict."""

    def __init__(self, options, language, folder, seed):
        self.options = options
        self.language = language
        self.folder = folder
        self.seed = seed
        rng = random.Random(f"{seed} build")
        # Levels in turn, so that every sample has them all.
        self.level, self.lto = LEVELS[seed % len(LEVELS)]
        self.way = rng.choice([*WAYS]) if language.name == "mixed" else None
        self.switches = rng.choice(SWITCHES) if options.switches is None else \
            options.switches.split()
        # The harness compares all memory, which other threads change.
        self.is_shadowed = options.switches is None and (
            rng.random() < 0.3 or self.way == "threads")
        self.options_of_clang = rng.choice(OPTIONS) if rng.random() < 0.5 else []

    def build_flags(self):
        lto = [f"-flto={self.lto}", "-fuse-ld=lld"] if self.lto else []
        shadow = SHADOW if self.is_shadowed else []
        return [self.level, *self.options_of_clang, *lto, *self.switches, *shadow]

    def build(self, source, reference):
        out = self.folder / ("reference" if reference else "program")
        driver = self.language.compiler if reference else [str(self.language.driver)]
        flags = [*self.options_of_clang, "-O0", "-DRG_REFERENCE"] if reference else \
            self.build_flags()
        compiler = [*driver, *self.language.flags, *flags]
        last = [str(source), str(self.options.harness), "-o", str(out), "-Wl,-z,now", "-lm"]
        commands = [[*compiler, *last]]
        if self.way:
            compiler += WAYS[self.way]
            if self.way == "threads":
                last[1] = str(self.options.harness_of_threads)
            part = f"{out}.{'rg_part.so' if self.way == 'loaded' else 'o'}"
            how = ["-shared", "-fPIC", "-Wl,-z,now"] if self.way == "loaded" else ["-c"]
            meet = [f'-DRG_DLOPEN="{part}"', "-rdynamic"] if self.way == "loaded" else [part]
            commands = [[*compiler, "-DRG_PART=1", *how, str(source), "-o", part],
                        [*compiler, "-DRG_PART=0", *meet, *last]]
        for command in commands:
            output, code = execute(command, COMPILE_S)
            if code != 0:
                raise Failure(f"{' '.join(command)} ends with {code}:\n{output[:2000]}")
        return out

    def check(self, text):
        source = self.folder / f"program{self.language.suffix}"
        source.write_text(text, encoding="utf-8")
        reference = self.build(source, reference=True)
        wanted = {}
        for policy, seed in RUNS:
            # A region that is tried again is not seen by the program.
            what = ("commit", 1) if policy == "retry" else (policy, seed)
            if what not in wanted:
                wanted[what] = execute([str(reference)], REFERENCE_S[self.language.name],
                                       RG_POLICY=what[0], RG_SEED=str(what[1]))
            wanted[policy, seed] = wanted[what]
            if wanted["commit", 1][1] != 0:
                raise Void(f"the reference ends with {wanted['commit', 1][1]}")
        program = self.build(source, reference=False)
        judged = 0
        for policy, seed in RUNS:
            # Where a statement is left out, a C program may use what was never set.
            if wanted[policy, seed][1] != 0:
                continue
            judged += 1
            output, code = execute([str(program)], PATIENCE_S, RG_POLICY=policy, RG_SEED=str(seed))
            if (output, code) == wanted[policy, seed]:
                continue
            if self.is_undefined(source, policy, seed):
                judged -= 1
                continue
            raise Failure(f"RG_POLICY={policy} RG_SEED={seed}: ends with {code}\n"
                          f"{difference(output, wanted[policy, seed][0])}")
        return judged

    def is_undefined(self, source, policy, seed):
        """Whether references of other builds disagree: then the program has no one meaning."""
        if self.language.name != "c":
            return False
        first = None
        for flags in (["-O0", "-fsanitize=memory", "-DRG_NO_HEAP"],
                      ["-O0", "-ftrivial-auto-var-init=pattern"], ["-O2"],
                      ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                       "-fno-sanitize=alignment", "-DRG_NO_HEAP"]):
            out = self.folder / "other"
            harness = [str(HERE / "harness.c"), "-fno-builtin"]
            command = [*self.language.compiler, *self.language.flags, *flags, "-DRG_REFERENCE",
                       str(source), *harness, "-o", str(out), "-lm"]
            if execute(command, COMPILE_S)[1] != 0:
                continue
            got = execute([str(out)], 10 * REFERENCE_S["c"], RG_POLICY=policy, RG_SEED=str(seed),
                          ASAN_OPTIONS="detect_leaks=0:detect_stack_use_after_return=1")
            first = first or got
            if got != first or got[1] != 0:
                return True
        return False

    def run(self):
        rng = random.Random(self.seed)
        for _ in range(20):
            text = self.language.generate(rng)
            # csmith's smallest programs do next to nothing.
            if text and text.count("RG_BEGIN") >= 2 and len(text) > 5000:
                break
        if text and "stream" in text:  # libbelay_region_cxx has compiled them without a second log
            self.is_shadowed = False
        try:
            return self.check(text)
        except Failure:
            reduced = self.reduce(text) if self.options.reduce else text
            (self.folder / f"original{self.language.suffix}").write_text(text, encoding="utf-8")
            self.check(reduced)
            raise

    def reduce(self, text):
        """Without the regions that the failure does not need."""
        attempts = 40
        for _, begin, end in reversed(pairs(text)):
            without = without_region(text, begin, end)
            attempts -= 1
            if attempts < 0:
                break
            try:
                self.check(without)
            except Failure:
                text = without
            except Void:
                pass
        return text


def without_region(text, begin, end):
    """A block instead of the region, and no rewinds of it."""
    lines, depth = text.splitlines(), 0
    for number in range(begin, end + 1):
        line = lines[number].strip()
        depth += line.startswith("RG_BEGIN(") - (line == "RG_END")
        if line.startswith("RG_REWIND(") and depth == 1:
            lines[number] = ""
    lines[begin], lines[end] = "{", "}"
    return "\n".join(lines) + "\n"


def pairs(text):
    """(depth, first line, last line) of each region."""
    found, begun = [], []
    for number, line in enumerate(text.splitlines()):
        if line.strip().startswith("RG_BEGIN("):
            begun.append(number)
        elif line.strip() == "RG_END":
            found.append((len(begun), begun.pop(), number))
    return found


def difference(got, wanted):
    ours, theirs = got.splitlines(), wanted.splitlines()
    lines = [f"    got {a!r}, the reference {b!r}" for a, b in zip(ours, theirs) if a != b]
    lines += [f"    got {a!r}" for a in ours[len(theirs):]]
    lines += [f"    missing {b!r}" for b in theirs[len(ours):]]
    return "\n".join(line[:300] for line in lines[:6])


def replay(options, language, seed):
    return f"{sys.argv[0]} --drivers {options.drivers} {language} --only {seed}"


def try_one(options, language, parent, seed):
    """(seed, runs that were judged or None, what went wrong or None)."""
    folder = parent / f"{language.name}.{seed}"
    folder.mkdir()
    program = Program(options, language, folder, seed)
    try:
        judged = program.run()
        if not options.keep:
            shutil.rmtree(folder)
        return program, judged, None
    except Void as void:
        shutil.rmtree(folder)
        return program, None, str(void) if options.only else None
    except Failure as failure:
        return program, 0, failure


def campaign(options, name, parent):
    """All programs of one language. Returns the number of failures."""
    language = Language(name, options)
    count = options.programs if options.programs is not None else \
        (PROGRAMS_FULL if options.full else PROGRAMS)[name]
    first = random.Random(f"{options.seed} {name}").getrandbits(32)
    seeds = [options.only] if options.only is not None else range(first, first + count)
    began, judged, void, failures = time.monotonic(), 0, 0, 0
    levels = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(try_one, options, language, parent, seed) for seed in seeds]
        for future in concurrent.futures.as_completed(futures):
            if future.cancelled():
                continue
            program, runs, failure = future.result()
            if runs is None:
                void += 1
                if failure:
                    print(failure)
                continue
            judged += runs
            levels[program.level + program.lto] += 1
            if failure is None:
                continue
            failures += 1
            print(f"{name} {program.seed} ({' '.join(program.build_flags())}): FAILED: {failure}\n"
                  f"    kept: {program.folder}\n"
                  f"    again: {replay(options, name, program.seed)}", flush=True)
            if options.first:
                for other in futures:
                    other.cancel()
    counts = " ".join(f"{level} {number}" for level, number in sorted(levels.items()))
    print(f"{name}: {sum(levels.values())} programs, {judged} runs, {void} void, "
          f"{failures} failed in {time.monotonic() - began:.0f} s: {counts}", flush=True)
    return failures


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drivers", type=pathlib.Path, required=True,
                        help="the folder of belay-cc and belay-c++")
    parser.add_argument("--programs", type=int, help="of each language",
                        default=os.environ.get("BELAY_CAMPAIGN_PROGRAMS"))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("BELAY_SEED", "0")))
    parser.add_argument("--full", action="store_true",
                        default=os.environ.get("BELAY_TEST_FULL") == "1",
                        help=f"tens of thousands: {PROGRAMS_FULL}")
    parser.add_argument("--only", type=int, help="replay this one program")
    parser.add_argument("--first", action="store_true", help="stop at the first failure")
    parser.add_argument("--keep", action="store_true", help="keep the programs that pass")
    parser.add_argument("--no-reduce", dest="reduce", action="store_false")
    parser.add_argument("--switches", help="more options of the compiler; default: by seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("language", nargs="*")
    options = parser.parse_args()
    options.seed = options.seed or random.SystemRandom().getrandbits(32)
    options.drivers = options.drivers.resolve()
    options.language = options.language or ["c", "mixed", "c++"]
    return options


def main():
    options = parse_arguments()
    for tool in ("clang-19", "clang++-19", "csmith"):
        if shutil.which(tool) is None:
            print(f"SKIPPED: there is no {tool} (script/packages clang)")
            sys.exit(SKIP)
    print(f"seed {options.seed}")
    parent = pathlib.Path(tempfile.mkdtemp(prefix="belay-regions."))
    options.harness = parent / "harness.o"
    options.harness_of_threads = parent / "harness_of_threads.o"
    for out, flags in ((options.harness, []), (options.harness_of_threads, ["-DRG_NO_HEAP"])):
        made, code = execute(["clang-19", "-O1", "-fno-builtin", "-DRG_REFERENCE", *flags, "-c",
                              str(HERE / "harness.c"), "-o", str(out)], COMPILE_S)
        if code != 0:
            sys.exit(f"FAILED: {made}")
    if sum(campaign(options, name, parent) for name in options.language):
        sys.exit(1)
    if not options.keep:
        shutil.rmtree(parent)


if __name__ == "__main__":
    main()
