"""The commands that are timed, each in a library's directory."""

import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path

#: In a heading of one prompt, and in what says its name.
PATTERN = "prompt-00007"

_STAT_LOOP = """
import os, sys, time
paths = open(sys.argv[1], 'rb').read().split(b'\\0')[:-1]
start = time.perf_counter()
for index in range(20_000):
    os.lstat(paths[index % len(paths)])
print(time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Workload:
    name: str
    words: list[str]
    #: Whether all subjects must print the same number of bytes.
    prints_same: bool = False
    #: Whether it prints how many seconds it took, its own start left out.
    tells_seconds: bool = False
    #: A directory that it makes.
    target: Path | None = None


def workloads(tree: Path, scratch: Path) -> dict[str, Workload]:
    """All of them, by name, for a library of which `tree` is a copy."""
    files = []
    for directory, _, names in os.walk(tree):
        paths = [os.path.relpath(os.path.join(directory, name), tree) for name in names]
        files += [path for path in paths if not os.path.islink(tree / path)]
    files.sort()
    texts = [path for path in files if path.endswith("content.md")]
    all_files = _list(scratch / "all-files", files)
    some_files = _list(scratch / "some-files", random.Random(1).choices(texts, k=100))
    target = Path("/dev/shm") / f"{scratch.name}-copy"
    sixteenth = str(-(-len(files) // 16))
    made = [
        Workload("first cat", ["cat", texts[len(texts) // 2]], prints_same=True),
        Workload("ls -lR", ["ls", "-lR", "."]),
        Workload("find", ["find", "."]),
        Workload("grep -r", ["grep", "-r", PATTERN, "."], prints_same=True),
        Workload("rg", ["rg", PATTERN, "."], prints_same=True),
        Workload("du", ["du", "-s", "."]),
        Workload("cat of all", ["xargs", "-0", "-a", all_files, "cat"], prints_same=True),
        Workload("100 cats", ["xargs", "-0", "-a", some_files, "-n", "1", "cat"], prints_same=True),
        Workload("tar", ["tar", "-cf", "-", "."]),
        Workload("cp -a", ["cp", "-a", ".", str(target)], target=target),
        Workload("16 readers", ["xargs", "-0", "-a", all_files, "-P", "16", "-n", sixteenth, "cat"], prints_same=True),
        Workload("20,000 stats", [sys.executable, "-S", "-c", _STAT_LOOP, all_files], tells_seconds=True),
    ]
    return {workload.name: workload for workload in made}


def _list(path: Path, names: list[str]) -> str:
    path.write_bytes(b"".join(name.encode() + b"\0" for name in names))
    return str(path)
