"""The shape of files: lines, lengths, format, words that have no place in them."""

import ast
import re
import shutil
import subprocess

from source import line_of

COLUMNS_MAX = 100
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# Spelled so that this file does not find itself.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/*-])/(?:work|home|root|Users)/(?=\w)")

# Headers of a block that opens at file, namespace or class scope and is no function body.
NOT_A_FUNCTION = re.compile(
    r"^\s*(?:template\s*<[^{]*>\s*)?"
    r"(?:namespace|class|struct|union|enum|extern|if|for|while|switch|else|do|catch)\b"
    r"(?![^{]*\)\s*(?:const|noexcept|override|->\s*[\w:<>*& ]+)*\s*$)"
    r"|[=,(]\s*$|\bnamespace\b"
)


def check_lines(tree):
    """No line is longer than 100 columns, ends in white space, or uses tabs for indentation."""
    for path in tree.text:
        if path.suffix in (".md", ".json", ".1", ".txt") and path.name != "CMakeLists.txt":
            continue
        for number, line in enumerate(tree.read(path).splitlines(), 1):
            if len(line) > COLUMNS_MAX:
                yield f"{path}:{number}: {len(line)} columns"
            if line != line.rstrip():
                yield f"{path}:{number}: white space at the end"
            if line.startswith("\t"):
                yield f"{path}:{number}: a tab"


def check_words(tree):
    """Nothing is left for later, and nothing names the machine that it was written on."""
    for path in tree.text:
        text = tree.read(path)
        for match in UNFINISHED.finditer(text):
            yield f"{path}:{line_of(text, match.start())}: {match.group(0)}: finish it, or drop it"
        for match in MACHINE_PATH.finditer(text):
            yield f"{path}:{line_of(text, match.start())}: a path of one machine: {match.group(0)}"


def check_lengths(tree):
    """Files of more than 500 lines and functions of more than 70 want a reason in allow.txt."""
    for path in tree.text:
        if path.suffix in (".md", ".txt", ".json") and path.name != "CMakeLists.txt":
            continue
        lines = tree.read(path).count("\n")
        if lines > FILE_LINES_MAX:
            yield f"{path}: {lines} lines"
        for name, line, length in functions_of(tree, path):
            if length > FUNCTION_LINES_MAX:
                yield f"{path}:{line}: {name}() has {length} lines"


def functions_of(tree, path):
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(tree.read(path))):
            if isinstance(node, ast.FunctionDef):
                yield node.name, node.lineno, node.end_lineno - node.lineno + 1
    elif path.suffix in (".c", ".cc", ".h", ".hpp"):
        without_macros = re.sub(
            r"^[ \t]*#(?:.*\\\n)*.*", lambda m: "\n" * m.group().count("\n"), tree.stripped(path),
            flags=re.M)
        yield from c_functions(without_macros)


def c_functions(text):
    """(name, line, lines) of each function body, by counting braces outside of functions."""
    depth, header_start, inside = 0, 0, None
    for match in re.finditer(r"[{};]", text):
        character = match.group(0)
        if character == "{":
            header = text[header_start:match.start()]
            if inside is None and "(" in header and not NOT_A_FUNCTION.search(header):
                names = re.findall(r"([~\w:]+)\s*\(", header)
                first = header_start + len(header) - len(header.lstrip())
                inside = (depth, names[0] if names else "?", line_of(text, first))
            depth += 1
        elif character == "}":
            depth -= 1
            if inside and depth == inside[0]:
                yield inside[1], inside[2], line_of(text, match.start()) - inside[2] + 1
                inside = None
        header_start = match.end()


def check_scripts(tree):
    """shellcheck has nothing to say about the bash scripts."""
    tool = shutil.which("shellcheck")
    if tool is None:
        raise LookupError("shellcheck is not installed")
    scripts = [path for path in tree.files if tree.read(path).startswith("#!/usr/bin/env bash")]
    if scripts:
        result = subprocess.run([tool, "--external-sources", "--format=gcc", *scripts],
                                cwd=tree.root, capture_output=True, text=True, check=False)
        yield from (result.stdout + result.stderr).splitlines()


def check_format(tree):
    """clang-format 14 would change nothing."""
    tool = shutil.which("clang-format-14")
    if tool is None:
        raise LookupError("clang-format-14 is not installed")
    paths = [path for path in tree.code if path.suffix in (".c", ".cc", ".h", ".hpp")]
    result = subprocess.run([tool, "--dry-run", "-Werror", *paths], cwd=tree.root, text=True,
                            capture_output=True, check=False)
    bad = sorted(set(re.findall(r"^([^:\n]+):(\d+):\d+: error", result.stderr, re.M)))
    seen = set()
    for name, line in bad:
        if name not in seen:
            seen.add(name)
            yield f"{name}:{line}: not as clang-format-14 writes it (clang-format-14 -i {name})"
    if result.returncode != 0 and not bad:
        yield result.stderr.strip()
