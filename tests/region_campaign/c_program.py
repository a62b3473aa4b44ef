"""C programs for the campaign: csmith's, with regions put at random."""

import re
import subprocess

INCLUDE = "/usr/include/csmith"

# Small, so that hundreds fit into two minutes; sizes vary with the seed.
def csmith_options(rng):
    return ["--no-argc", "--concise", "--max-funcs", str(rng.randint(3, 8)),
            "--max-block-depth", str(rng.randint(2, 4)), "--max-block-size", "4",
            "--max-expr-complexity", str(rng.randint(3, 8)),
            "--no-const-struct-union-fields",
            "--max-array-dim", "2", "--max-array-len-per-dim", "6",
            *(["--inline-function"] if rng.random() < 0.5 else []),
            *(["--no-packed-struct"] if rng.random() < 0.5 else []),
            *(["--float"] if rng.random() < 0.3 else [])]


FUNCTION = re.compile(
    r"^static (?:inline )?(?P<type>[^;=()]*?)(?P<name>func_\d+)\((?P<args>.*)\)$")
STATEMENT = re.compile(r"^\s+(?:[gpl]_\d|\(|\*|\+\+|--|func_|safe_|\d|~|!|-|for \(|if \()")
LEAVES = re.compile(r"\b(?:return|goto|lbl_\w+:)")
JUMPS = re.compile(r"\b(?:return|goto|lbl_\w+:|break|continue)\b")


def generate(rng, include=INCLUDE):
    """The program's text, or None where csmith gave up."""
    seed = rng.getrandbits(32)
    made = subprocess.run(["csmith", "-s", str(seed), *csmith_options(rng)], text=True,
                          capture_output=True, timeout=60, check=False)
    if made.returncode != 0 or not made.stdout:
        return None
    return put_regions(made.stdout, rng)


def put_regions(text, rng):
    """Around calls of functions, by a function in between, and around runs of statements."""
    lines = text.splitlines()
    sites = iter(range(1, 1 << 20))
    out = ['#include "harness.h"']
    density = rng.choice([0.1, 0.3, 0.6])
    index, inside = 0, None
    while index < len(lines):
        line = lines[index]
        function = FUNCTION.match(line)
        if function and rng.random() < 0.7:
            out += wrapper(function, next(sites))
            line = line.replace(function["name"] + "(", function["name"] + "_body(", 1)
        inside = line if function else inside
        end = unit_end(lines, index) if inside and not line.startswith("int main") else None
        if line.startswith("int main"):
            inside = None
        if end is None or rng.random() >= density:
            out.append(line)
            index += 1
            continue
        while rng.random() < 0.5:
            more = unit_end(lines, end)
            if more is None:
                break
            end = more
        # Regions within, too: the text is short.
        out += [f"RG_BEGIN({next(sites)})", *nested(lines[index:end], rng, sites), "RG_END"]
        index = end
    return "\n".join(out) + "\n"


def nested(lines, rng, sites):
    out, index = [], 0
    while index < len(lines):
        end = unit_end(lines, index) if index else None
        if end is not None and end < len(lines) and rng.random() < 0.25:
            out += [f"RG_BEGIN({next(sites)})", *lines[index:end], "RG_END"]
            index = end
        else:
            out.append(lines[index])
            index += 1
    return out


def unit_end(lines, index):
    """One past the last line of the statement that begins at `index`, if regions may hold it."""
    if index >= len(lines) or not STATEMENT.match(lines[index]):
        return None
    line = lines[index]
    compound = re.match(r"\s+(for|if) \(", line)
    if not compound:
        return index + 1 if line.rstrip().endswith(";") else None
    end = block_end(lines, index + 1)
    if end is None:
        return None
    if compound[1] == "if" and end < len(lines) and lines[end].strip() == "else":
        end = block_end(lines, end + 1)
    body = "\n".join(lines[index:end]) if end else ""
    if end is None or (LEAVES if compound[1] == "for" else JUMPS).search(body):
        return None
    return end


def block_end(lines, index):
    if index >= len(lines) or lines[index].strip() != "{":
        return None
    depth = 0
    for at in range(index, len(lines)):
        depth += lines[at].count("{") - lines[at].count("}")
        if depth == 0:
            return at + 1
    return None


def wrapper(function, site):
    """func_N calls func_N_body in a region; what it returns if that is undone is zero."""
    kind, name, arguments = function["type"].strip(), function["name"], function["args"]
    names = re.findall(r"\b(p_\d+)\b", arguments)
    result = re.sub(r"\s*\bconst$", "", kind)
    if "*" not in result:
        result = re.sub(r"\b(?:const|volatile)\b\s*", "", result)
    return [f"static {kind} {name}_body({arguments});",
            f"static {kind} {name}({arguments})", "{", f"    {result} rg_result = {{0}};",
            f"    RG_BEGIN({site})", f"    rg_result = {name}_body({', '.join(names)});",
            "    RG_END", "    return rg_result;", "}"]
