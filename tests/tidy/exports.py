"""What a library exports: belay_*, clones (NAME.ckpt), and the C library's names that it stands in
front of."""

import subprocess


def check_exports(tree, library):
    """Every exported symbol is belay_* or is listed, with a reason, in exports.txt."""
    listed = {}
    for line in (tree.root / "tests/tidy/exports.txt").read_text().splitlines():
        name, _, reason = line.partition(" ")
        if name and not name.startswith("#"):
            listed[name] = reason.strip()
            if not listed[name]:
                yield f"tests/tidy/exports.txt: {name} has no reason"
    output = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", library],
                            capture_output=True, text=True, check=True).stdout
    exported = {line.split()[0].split("@")[0] for line in output.splitlines()}
    for name in sorted(exported):
        if not name.startswith(("belay_", "__belay_")) and not name.endswith(".ckpt") \
                and name not in listed:
            yield f"{library.name} exports {name}"
    if not any(name.startswith("belay_") for name in exported):
        yield f"{library.name} exports no belay_* symbol at all"
