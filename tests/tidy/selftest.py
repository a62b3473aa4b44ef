#!/usr/bin/env python3
"""Goal: each tidy check finds a breach planted in a clean little project, and nothing else."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

from tidy import CHECKS, run_check
from source import Tree

CLEAN = {
    "CMakeLists.txt": "foreach(layer base heap cli)\nendforeach()\n",
    "src/base/CMakeLists.txt": "belay_layer(base SOURCES a.cc TESTS a_test.cc)\n",
    "src/base/a.h": "// What a is for.\n#pragma once\nint a();\n",
    "src/base/a.cc": '#include "base/a.h"\n\nint a() { return 1; }\n',
    "src/base/a_test.cc": '#include "base/a.h"\n\nint main() { return a() - 1; }\n',
    "tests/tidy/allow.txt": "# none\n",
    "tests/tidy/exports.txt": "# none\n",
}


def source(body):
    """base/a.cc with something in it that does not belong there."""
    return {"src/base/a.cc": f'#include "base/a.h"\n\n{body}'}


def long_function(lines):
    return "int a() {\n  int n = 0;\n" + "  n++;\n" * (lines - 4) + "  return n;\n}\n"


# (check, files, words of the one problem that it finds)
PLANTED = [
    ("layering", source('#include "heap/heap.h"\n'), "base is below heap"),
    ("layering", source('#include "a.h"\n'), 'write "layer/file.h"'),
    ("layering", {"src/odd/b.cc": '#include "base/a.h"\n'}, "src/odd is not a layer"),
    ("layering", {"examples/b.c": '#include "base/a.h"\n'}, "may include <belay/...> only"),
    ("layering", {"src/heap/b.cc": '#include "image/b.h"\n'}, "heap need not know image"),
    ("layering", {"CMakeLists.txt": "foreach(layer heap base)\n"}, "not the order of the layers"),
    ("dead", {"src/base/orphan.cc": "int b;\n"}, "no CMakeLists.txt builds it"),
    ("dead", {"src/base/orphan.h": "int b();\n"}, "nothing includes it"),
    ("dead", {"tests/orphan.py": "pass\n"}, "nothing runs or imports it"),
    ("banned", source("void a(char* x) { strcpy(x, x); }\n"), "strcpy: has no bound"),
    ("banned", source("void a() { std::system(0); }\n"), "std::system: runs a shell"),
    ("banned", source("void a() { throw 1; }\n"), "throw: no exceptions"),
    ("banned", {"src/memory/b.cc": "void* b() { return malloc(1); }\n"}, "malloc: may take a lock"),
    ("banned", {"src/context/b.cc": "std::string b;\n"}, "std::string: allocates"),
    ("banned", {"src/store/b.cc": "void b() { ::fsync(1); }\n"}, "::fsync: goes through an Os"),
    ("banned", {"src/heap/b_test.cc": "void b() { usleep(1); }\n"}, "usleep: no sleeps"),
    ("lines", source("// " + "x" * 98 + "\n"), "101 columns"),
    ("lines", source("int b; \n"), "white space at the end"),
    ("lengths", source(long_function(71)), "a() has 71 lines"),
    ("lengths", source("int b;\n" * 500), "502 lines"),
    ("words", source("// TO" + "DO\n"), "finish it, or drop it"),
    ("words", source('auto b = "/ho' + 'me/b";\n'), "a path of one machine"),
    ("scripts", {"script/x": "#!/usr/bin/env bash\ncd $1 || exit\n"}, "Double quote"),
    ("format", source("int  b;\n"), "not as clang-format-14 writes it"),
]

HARMLESS = [
    ("banned", source("// strcpy(x) throws\nauto b = \"system(\";\nvoid c() { x.rand(); }\n")),
    ("lengths", source(long_function(70))),
    ("lengths", source("namespace b {\n" + "int c();\n" * 90 + "}\n")),
    ("lines", source("// " + "x" * 97 + "\n")),
    ("layering", {"src/heap/b.cc": '#include <belay/region.h>\n\n#include "base/a.h"\n'}),
]


class TidyTest(unittest.TestCase):
    def problems(self, check, files, allow=None):
        with tempfile.TemporaryDirectory() as root:
            written = {**CLEAN, **files, **({"tests/tidy/allow.txt": allow} if allow else {})}
            for name, text in written.items():
                path = pathlib.Path(root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            style = pathlib.Path(__file__).resolve().parents[2] / ".clang-format"
            (pathlib.Path(root) / ".clang-format").write_text(style.read_text())
            try:
                return run_check(check, Tree(root), None)
            except LookupError as missing:
                self.skipTest(str(missing))

    def test_clean_project_passes(self):
        for check in CHECKS:
            if check != "exports":
                with self.subTest(check):
                    self.assertEqual(self.problems(check, {}), [])

    def test_planted_breaches_are_found(self):
        for check, files, words in PLANTED:
            with self.subTest(check=check, words=words):
                found = self.problems(check, files)
                self.assertEqual(len(found), 1, found)
                self.assertIn(words, found[0])

    def test_harmless_text_is_not(self):
        for check, files in HARMLESS:
            with self.subTest(check=check, files=files):
                self.assertEqual(self.problems(check, files), [])

    def test_allowed_with_a_reason_only(self):
        files = source(long_function(71))
        self.assertEqual(
            self.problems("lengths", files, "lengths src/base/a.cc * one long table\n"), [])
        with self.assertRaises(SystemExit):
            self.problems("lengths", files, "lengths src/base/a.cc *\n")
        stale = self.problems("lengths", {}, "lengths src/base/a.cc * one long table\n")
        self.assertIn("excuses nothing", stale[0])

    def test_exports(self):
        with tempfile.TemporaryDirectory() as root:
            folder = pathlib.Path(root)
            (folder / "tests/tidy").mkdir(parents=True)
            code, library = folder / "x.c", folder / "libx.so"
            code.write_text("int belay_x(void) { return 0; }\nint kill(void) { return 0; }\n")
            subprocess.run(["cc", "-shared", "-fPIC", "-fno-builtin", "-o", library, code],
                           check=True)
            listed = folder / "tests/tidy/exports.txt"
            listed.write_text("# none\n")
            found = run_check("exports", Tree(root), library)
            self.assertEqual(found, ["libx.so exports kill"])
            listed.write_text("kill forwards to the thread that the program meant\n")
            self.assertEqual(run_check("exports", Tree(root), library), [])


if __name__ == "__main__":
    sys.exit(unittest.main())
