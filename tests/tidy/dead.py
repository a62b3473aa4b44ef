"""Files that nothing uses."""

import re


def check_dead(tree):
    """Each source is named by the build, each header is included, each helper is called."""
    builds = {path: tree.read(path) for path in tree.files
              if path.name == "CMakeLists.txt" or path.suffix == ".cmake"}
    scripts = {path: tree.read(path) for path in tree.files
               if path.parts[0] in ("script", ".ci") or path.suffix == ".py"}
    includes = "\n".join(
        line for path in tree.code for line in tree.read(path).splitlines() if "#" in line)
    for path in tree.files:
        if path.suffix in (".cc", ".c", ".S") and not named_by_build(path, builds):
            yield f"{path}: no CMakeLists.txt builds it"
        if path.suffix in (".h", ".hpp", ".def") and not is_included(path, includes, builds):
            yield f"{path}: nothing includes it"
        if path.suffix == ".py" and not is_called(path, {**builds, **scripts}):
            yield f"{path}: nothing runs or imports it"


def named_by_build(path, builds):
    """By file name, or by its stem where a list of names is looped over."""
    word = re.compile(rf"(?<![\w.-])(?:{re.escape(path.name)}|{re.escape(path.stem)})(?![\w-])")
    above = {folder / "CMakeLists.txt" for folder in path.parents}
    return any(word.search(text) for build, text in builds.items()
               if build in above or build.suffix == ".cmake")


def is_included(path, includes, builds):
    name = re.escape(path.name)
    if re.search(rf'#\s*include\s+["<](?:[\w./-]*/)?{name}[">]', includes):
        return True
    return path.parts[0] == "include" and any(path.name in text for text in builds.values())


def is_called(path, users):
    word = re.compile(rf"\b{re.escape(path.name)}\b|\b(?:import|from) {re.escape(path.stem)}\b")
    return any(word.search(text) for user, text in users.items() if user != path)
