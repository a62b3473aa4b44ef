"""Calls and words that a folder may not use, each with its reason."""

import re

from source import is_test, line_of


def calls(names):
    """A call of one of these functions, free or std::, but not a method or a declaration of one."""
    return re.compile(r"(?<![\w.>:~])(?:std::|::)?(?:" + names.replace(" ", "|") + r")\s*\(")


ANYWHERE = [
    (calls("strcpy strcat sprintf vsprintf gets strtok tmpnam mktemp alloca"),
     "has no bound: use the n form, std::string or fmt"),
    (calls("rand srand srandom"), "use <random> with a printed seed"),
]

# A user's words must not reach a shell; tests and benchmarks pass it none.
PRODUCT = [(calls("system popen"), "runs a shell: spawn the program")]

# Code that runs while threads of the program stand still, any of which may hold malloc's lock.
STOPPED_WORLD = [
    (calls("malloc calloc realloc free posix_memalign aligned_alloc strdup printf fprintf puts "
           "fputs perror snprintf syslog fopen fflush exit dlopen dlsym getenv"),
     "may take a lock that a stopped thread holds"),
    (re.compile(r"\bstd::(?:\w*string|vector|deque|list|map|set|unordered_\w+|function|any|"
                r"shared_ptr|unique_ptr|mutex|thread|lock_guard|cout|cerr|o?stringstream)\b"),
     "allocates or locks"),
    (re.compile(r"(?<!operator )\bnew\s+(?!\()[A-Za-z_]"), "allocates"),
    (re.compile(r"\bpthread_(?:mutex|cond|create|join)\w*\s*\("), "locks or allocates"),
]

RUNTIME = [
    (re.compile(r"\b(?:throw|try|catch)\b(?=\s*[\w({])"), "no exceptions through the runtime"),
    (re.compile(r"\b(?:dynamic_cast|typeid)\b"), "no run-time types in the runtime"),
    (calls("setjmp longjmp _setjmp sigsetjmp siglongjmp"), "keeps callee-saved registers only"),
]

# What touches a store goes through base/os.h, so that tests can fail, tear and reorder it.
STORE = [
    (calls("fopen pwrite pwritev pread preadv fsync fdatasync sync_file_range ftruncate fallocate "
           "rename renameat unlink unlinkat"), "goes through an Os (base/os.h)"),
]

TESTS = [
    (re.compile(r"(?<![\w.>:~])(?:::)?(?:sleep|usleep|nanosleep|clock_nanosleep)\s*\((?!\s*\))"),
     "no sleeps as synchronisation"),
    (re.compile(r"\bsleep_(?:for|until)\s*\("), "no sleeps as synchronisation"),
]

# Folders of src/ whose code runs in the stopped world, or without a C library at all.
STOPPED_WORLD_LAYERS = ("context", "memory", "restorer")
RUNTIME_LAYERS = ("base", "memory", "context", "files", "image", "restorer", "heap", "thread",
                  "checkpoint", "savepoint", "region")


def rules_for(path):
    rules = list(ANYWHERE)
    if is_test(path):
        return rules + TESTS
    if path.parts[0] == "bench":
        return rules
    rules += PRODUCT
    layer = path.parts[1] if path.parts[0] == "src" else ""
    if layer in STOPPED_WORLD_LAYERS:
        rules += STOPPED_WORLD
    if layer in RUNTIME_LAYERS:
        rules += RUNTIME
    if layer == "store":
        rules += STORE
    return rules


def check_banned(tree):
    """No call that the folder may not use."""
    for path in tree.code:
        if path.suffix == ".S":
            continue
        text = tree.stripped(path)
        for pattern, reason in rules_for(path):
            for match in pattern.finditer(text):
                word = match.group(0).strip().rstrip("(")
                yield f"{path}:{line_of(text, match.start())}: {word}: {reason}"
