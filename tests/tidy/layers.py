"""Layering: a folder of src/ includes only folders that come before it here (ARCHITECTURE.md)."""

import pathlib
import re

# Bottom-up. The public headers of include/belay are below all of them.
LAYERS = (
    "base memory context image files store restorer heap thread checkpoint savepoint region "
    "compiler learn server debug cli"
).split()

# Siblings that need not know each other, don't.
FORBIDDEN = {
    "heap": "context files image store restorer",
    "thread": "files image store restorer",
    "store": "memory context files image",
    "region": "files image store restorer heap thread checkpoint savepoint",
    "compiler": " ".join(layer for layer in LAYERS if layer not in ("region", "compiler")),
    "learn": "memory context files image restorer heap thread checkpoint savepoint region compiler",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', re.MULTILINE)


def check_layering(tree):
    """Includes point downwards only; examples see nothing but the public headers."""
    for path in tree.code:
        top, folder = path.parts[0], path.parts[1] if len(path.parts) > 2 else ""
        for match in INCLUDE.finditer(tree.read(path)):
            line = tree.read(path).count("\n", 0, match.start()) + 1
            problem = include_problem(top, folder, match.group(1) == '"', match.group(2))
            if problem:
                yield f"{path}:{line}: {problem}"
    yield from check_build_order(tree)


def include_problem(top, folder, quoted, name):
    target = name.split("/")[0]
    if top in ("include", "examples") and quoted and target in LAYERS:
        return f"{top}/ may include <belay/...> only, not {name}"
    if top != "src" or not quoted:
        return None
    if folder not in LAYERS:
        return f"src/{folder} is not a layer; the list is in tests/tidy/layers.py"
    if target == "belay":
        return None
    if target not in LAYERS or "/" not in name:
        return f'write "layer/file.h", not "{name}"'
    if LAYERS.index(target) > LAYERS.index(folder):
        return f"{folder} is below {target} and may not include {name}"
    if target in FORBIDDEN.get(folder, "").split():
        return f"{folder} need not know {target} ({name})"
    return None


def check_build_order(tree):
    """The build lists the layers in the same order."""
    build = tree.read(pathlib.Path("CMakeLists.txt"))
    listed = re.search(r"foreach\(layer ([^)]*)\)", build)
    names = listed.group(1).split() if listed else []
    if not names:
        yield "CMakeLists.txt: no foreach(layer ...) that lists the layers"
    if names != [layer for layer in LAYERS if layer in names]:
        yield f"CMakeLists.txt: foreach(layer {' '.join(names)}) is not the order of the layers"
