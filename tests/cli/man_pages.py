"""Goal: the man pages format without warnings and know every option that --help prints.

usage: man_pages.py BELAY MAN_FOLDER
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

SKIPPED = 77
DRIVERS = ("belay-cc.1", "belay-c++.1")  # clang's options, beside their own


def formatter_warnings(page):
    result = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)],
        capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": ""})
    failed = [f"man exits with {result.returncode}"] if result.returncode else []
    return failed + result.stderr.splitlines()


def options_in_help(belay, arguments):
    text = subprocess.run([belay, *arguments, "--help"], capture_output=True, text=True,
                          check=True).stdout
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)), text


def options_in_page(page):
    source = page.read_text().replace(r"\-", "-")
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", source))


def main(belay, folder):
    folder = pathlib.Path(folder)
    _, help_text = options_in_help(belay, [])
    commands = re.findall(r"^  ([a-z]+) ", help_text.split("Subcommands:")[1], re.MULTILINE)
    pages = {"belay.1": []} | {f"belay-{command}.1": [command] for command in commands}
    problems = [f"{page.name} is about no command"
                for page in folder.glob("*.1")
                if page.name not in (*pages, *DRIVERS)]
    for name in DRIVERS:
        problems += [f"{name}: {warning}" for warning in formatter_warnings(folder / name)]
    for name, arguments in pages.items():
        page = folder / name
        if not page.exists():
            problems.append(f"{name} is missing")
            continue
        problems += [f"{name}: {warning}" for warning in formatter_warnings(page)]
        wanted, _ = options_in_help(belay, arguments)
        known = options_in_page(page)
        problems += [f"{name} lacks {option}" for option in sorted(wanted - known)]
        if arguments:  # the overview may name options of its commands
            problems += [f"{name}: --help lacks {option}" for option in sorted(known - wanted)]
    print(f"{len(pages)} pages", *problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    if shutil.which("man") is None:
        print("skipped: no man (package man-db)")
        sys.exit(SKIPPED)
    sys.exit(main(*sys.argv[1:]))
