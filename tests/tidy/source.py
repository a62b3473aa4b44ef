"""What the tidy checks read: the project's files, and C and C++ text without its comments."""

import functools
import pathlib
import re
import subprocess

CODE_SUFFIXES = {".c", ".cc", ".h", ".hpp", ".S", ".def"}
TEXT_SUFFIXES = CODE_SUFFIXES | {".py", ".cmake", ".md", ".txt", ".json", ".1", ".sh", ".in", ""}
IGNORED_FOLDERS = {".git", "build", ".cache", "__pycache__"}

# A comment, a string or character literal (raw strings included), in this order of preference.
TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|"""
    r"""(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'""",
    re.DOTALL,
)


class Tree:
    """A folder that holds the project, or a copy of it."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    @functools.cached_property
    def files(self):
        """Relative paths of everything that belongs to the project, sorted."""
        listed = subprocess.run(
            ["git", "-C", self.root, "ls-files", "-z", "-c", "-o", "--exclude-standard"],
            capture_output=True, text=True, check=False,
        )
        if listed.returncode == 0 and listed.stdout:
            names = {pathlib.Path(name) for name in listed.stdout.split("\0") if name}
        else:  # an unpacked archive
            names = {path.relative_to(self.root) for path in self.root.rglob("*")}
        return sorted(
            path for path in names
            if not IGNORED_FOLDERS & set(path.parts) and (self.root / path).is_file()
        )

    @property
    def code(self):
        return [path for path in self.files if path.suffix in CODE_SUFFIXES]

    @property
    def text(self):
        return [path for path in self.files
                if path.suffix in TEXT_SUFFIXES and path.name != "LICENSE"]

    @functools.lru_cache(maxsize=None)
    def read(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    @functools.lru_cache(maxsize=None)
    def stripped(self, path):
        """Code with comments and literals blanked out, line numbers kept."""
        return TOKEN.sub(blank, self.read(path))


def blank(match):
    text = match.group(0)
    newlines = "\n" * text.count("\n")
    return '""' + newlines if not text.startswith("/") else " " + newlines


def is_test(path):
    """A test, or what only tests are made of."""
    helper = path.stem.endswith(("_test", "_fixture", "_victim", "conformance"))
    return path.parts[0] == "tests" or helper or path.stem.startswith("fault_")


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1
