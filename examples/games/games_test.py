"""Goal: the games are ordinary programs that know nothing of learning but for ten lines, are won by
a player written by hand and not by chance, and can be watched and filmed.

usage: games_test.py FOLDER_OF_PROGRAMS
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

LINES_MAX = 10
SKIPPED = 77
SOURCES = pathlib.Path(__file__).parent


def learning_lines(name):
    """Lines of a game that are there to learn: calls of au_..., and their #include."""
    source = (SOURCES / f"{name}.cc").read_text()
    return [line for line in source.splitlines() if re.search(r"\bau_\w+\(|autonomize", line)]


def play(program, *options, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BELAY_")}
    done = subprocess.run([program, "--json", *options], env=clean | environment, check=False,
                          stdout=subprocess.PIPE, text=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()], done.returncode


def problems_of(folder, name):
    lines = learning_lines(name)
    if not 5 <= len(lines) <= LINES_MAX:
        yield f"{len(lines)} lines for learning: {lines}"
    if "au_" in (SOURCES / f"{name}.h").read_text():
        yield "its rules know of learning"
    means = {}
    for player in ("hand", "random"):
        games, code = play(folder / name, "--player", player, "--games", "10")
        if code != 0 or len(games) != 10:
            yield f"{player}: status {code}, {len(games)} games of 10"
            return
        means[player] = sum(game["points"] for game in games) / len(games)
        won = sum(game["won"] for game in games)
        if (won >= 8) != (player == "hand"):
            yield f"{player} wins {won} games of 10"
    print(f"{name}: {len(lines)} lines for learning, mean points {means}")
    games, _ = play(folder / name, "--player", "hand", "--points", "20", "--games", "1")
    if games:
        yield f"--points 20 plays on to {games[0]['points']}"
    if play(folder / name, "--player", "learned")[1] == 0:
        yield "plays what is learned with learning off"


def film_problem(game):
    with tempfile.TemporaryDirectory() as scratch:
        film = pathlib.Path(scratch) / "film.png"
        play(game, "--player", "hand", "--games", "1", "--film", film)
        if not film.exists() or not film.read_bytes().startswith(b"\x89PNG"):
            return "makes no film"
    return None


def main(folder):
    failed, skipped = [], []
    for name in ("breakout", "platformer"):
        failed += [f"{name}: {problem}" for problem in problems_of(folder, name)]
    game = folder / "platformer"
    help_text = subprocess.run([game, "--help"], stdout=subprocess.PIPE, text=True,
                               check=True).stdout
    if "--film" not in help_text:
        skipped.append("no --film, which needs libpng-dev")
    elif problem := film_problem(game):
        failed.append(problem)
    if not (folder / "game_window").exists():
        skipped.append("no --window, which needs libsdl2-dev")
    else:
        for driver, expected in (("dummy", True), ("none-such", False)):
            _, code = play(game, "--player", "hand", "--frames", "60", "--window",
                           SDL_VIDEODRIVER=driver)
            if (code == 0) != expected:
                failed.append(f"--window with SDL's driver {driver} ends with {code}")
    print(*failed, *skipped, sep="\n")
    return 1 if failed else SKIPPED if skipped else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
