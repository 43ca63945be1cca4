"""The mount table and the kernel's caches."""

import os
import subprocess
import time
from pathlib import Path

from .processes import Failure


def is_mounted(path: Path) -> bool:
    place = str(path).replace(" ", "\\040")
    return any(line.split()[4] == place for line in Path("/proc/self/mountinfo").read_text().splitlines())


def unmount(path: Path) -> None:
    """Unmounts, lazily where something hangs in it. Does nothing where nothing is mounted."""
    words = ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]
    deadline = time.monotonic() + 10
    while is_mounted(path):
        try:
            result = subprocess.run([*words, str(path)], capture_output=True, timeout=60)
            if result.returncode == 0:
                continue
        except subprocess.TimeoutExpired:
            pass
        if time.monotonic() > deadline:
            subprocess.run([*words, "-l" if words[0] == "umount" else "-z", str(path)], capture_output=True, timeout=60)
            return
        time.sleep(0.05)


def can_drop_caches() -> bool:
    return os.access("/proc/sys/vm/drop_caches", os.W_OK)


def drop_caches() -> None:
    """Empties the page cache, and what the kernel knows of names and inodes, of all filesystems on disk."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except PermissionError:
        raise Failure("only root can drop the kernel's caches") from None


def filesystem_type(path: Path) -> str:
    """ext4, tmpfs, …: of the mount that `path` is on."""
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[2] == number:
            return fields[fields.index("-") + 1]
    return "unknown"
