"""What is measured: this mount, others, plain directories, and copies made with the SDK."""

import os
import shutil
import subprocess
from pathlib import Path

from . import kernel
from .processes import Daemon, Failure
from .servers import KEY, Emulator, Server


class Subject:
    """A place where the library is, as a directory tree."""

    name = ""
    #: How it is made.
    description = ""
    server: Server | None = None
    daemon: Daemon | None = None
    #: Whether it shows every byte that the others show.
    is_exact = True
    #: Where the prompts are.
    root: Path

    def make_cold(self) -> None:
        """Has it forget everything, and makes it ready for the first command."""

    def remount(self) -> None:
        """Empties the kernel's caches; what is kept on disk stays."""

    def words(self, command: list[str]) -> list[str]:
        """What runs `command` in it."""
        return command

    @property
    def directory(self) -> Path:
        """Where commands are started."""
        return self.root

    def close(self) -> None:
        """Ends it, and leaves nothing mounted."""


class PlainDirectory(Subject):
    """A copy of the library on a filesystem of the kernel's own."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.description = f"a copy of the files on {name}"
        self.root = root

    def make_cold(self) -> None:
        self.remount()

    def remount(self) -> None:
        # Nothing is ever dropped of a tmpfs.
        if self.name != "tmpfs":
            kernel.drop_caches()


class MountSubject(Subject):
    """A FUSE mount whose daemon stays in the foreground."""

    def __init__(self, scratch: Path, server: Server | None) -> None:
        self.server = server
        self.place = scratch / f"{self.name.replace('.', '-')}-{server.latency if server else 0}"
        self.mount_point = self.place / "mount"
        self.cache = self.place / "cache"
        self.mount_point.mkdir(parents=True)
        self.root = self.mount_point

    def mount_words(self) -> list[str]:
        raise NotImplementedError

    def mount(self) -> None:
        self.cache.mkdir(mode=0o700, exist_ok=True)
        self.daemon = Daemon(self.mount_words(), self.place / "log", self.environment())
        self.daemon.wait_until(lambda: kernel.is_mounted(self.mount_point), f"mounting {self.name}")

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def unmount(self) -> None:
        if self.daemon is None:
            return
        kernel.unmount(self.mount_point)
        self.daemon.wait(30)
        self.daemon.end()
        self.daemon = None

    def make_cold(self) -> None:
        self.unmount()
        shutil.rmtree(self.cache, ignore_errors=True)
        self.mount()

    def remount(self) -> None:
        self.unmount()
        kernel.drop_caches()
        self.mount()

    def close(self) -> None:
        self.unmount()
        if not kernel.is_mounted(self.mount_point):
            shutil.rmtree(self.place, ignore_errors=True)


class Claro(MountSubject):
    name = "mount.claro"
    description = "this mount"

    def __init__(self, program: Path, scratch: Path, server: Emulator) -> None:
        self.program = program
        super().__init__(scratch, server)
        self.root = self.mount_point / "@library"

    def mount_words(self) -> list[str]:
        # A listing that is renewed in the middle of a measurement would be counted.
        options = f"cache={self.cache},ttl=1d"
        return [str(self.program), self.server.url, str(self.mount_point), "--foreground", "-o", options]

    def environment(self) -> dict[str, str]:
        return {"BAYT_API_KEY": KEY}

    def mount(self) -> None:
        super().mount()
        # The kernel shows the mount before the session serves it.
        os.stat(self.mount_point)

    def kernel_requests(self) -> dict[str, int]:
        """The kernel's requests so far, by opcode."""
        counts = {}
        for line in (self.mount_point / ".claro/metrics").read_text().splitlines():
            if line.startswith('claro_fuse_requests_total{opcode="'):
                _, opcode, count = line.split('"')
                counts[opcode] = int(count.split()[-1])
        return counts

    def kernel_requests_of(self, body) -> dict[str, int]:
        """What the kernel asks while `body` runs, but for forgetting."""
        self.kernel_requests()
        start = self.kernel_requests()
        before = self.kernel_requests()
        body()
        after = self.kernel_requests()
        # Two looks in a row show what a look costs.
        counts = {
            opcode: count - before.get(opcode, 0) - (before.get(opcode, 0) - start.get(opcode, 0))
            for opcode, count in after.items()
            if "forget" not in opcode
        }
        return {opcode: count for opcode, count in counts.items() if count > 0}


class Rclone(MountSubject):
    name = "rclone"
    description = "rclone mount, http backend, full cache"

    def mount_words(self) -> list[str]:
        words = ["rclone", "mount", ":http:", str(self.mount_point), "--http-url", self.server.url, "--read-only"]
        words += ["--vfs-cache-mode", "full", "--cache-dir", str(self.cache)]
        return words + ["--dir-cache-time", "1h", "--attr-timeout", "1h", "--config", "/dev/null"]


class DavFS(MountSubject):
    name = "davfs2"
    description = "davfs2 on a WebDAV server"

    def mount_words(self) -> list[str]:
        if os.geteuid() != 0:
            raise Failure("only root can mount")
        settings = {
            "ask_auth": 0,
            "use_locks": 0,
            "cache_dir": self.cache,
            "dir_refresh": 3600,
            "file_refresh": 3600,
            # KiB; newer kernels ask for more of a directory at once than the default holds, and got EINVAL.
            "buf_size": 256,
        }
        configuration = self.place / "davfs2.conf"
        configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return ["mount.davfs", self.server.url, str(self.mount_point), "-o", f"ro,conf={configuration}"]

    def mount(self) -> None:
        # It goes to the background by itself, as a user of its own.
        self.cache.mkdir(exist_ok=True)
        shutil.chown(self.cache, group="davfs2")
        self.cache.chmod(0o770)
        result = subprocess.run(self.mount_words(), capture_output=True, text=True, timeout=60)
        if not kernel.is_mounted(self.mount_point):
            raise Failure(f"mounting: {result.stderr.strip()}")

    def unmount(self) -> None:
        kernel.unmount(self.mount_point)


class S3FS(MountSubject):
    name = "s3fs"
    description = "s3fs on moto"

    def mount_words(self) -> list[str]:
        password = self.place / "password"
        password.write_text("key:secret\n")
        password.chmod(0o600)
        options = [f"url={self.server.url}", f"passwd_file={password}", f"use_cache={self.cache}"]
        options += ["stat_cache_expire=3600", "max_stat_cache_size=100000", "enable_noobj_cache"]
        options += ["use_path_request_style", "ro"]
        return ["s3fs", "library", str(self.mount_point), "-f", "-o", ",".join(options)]

    def mount(self) -> None:
        super().mount()
        # It is in the mount table before it has looked at the bucket.
        os.listdir(self.mount_point)


class SDKCopy(Subject):
    """No mount: a script copies the library, then the command runs on the copy."""

    # Its metadata is what the SDK tells.
    is_exact = False

    def __init__(self, python: Path, scratch: Path, server: Emulator, threads: int) -> None:
        self.name = "SDK" if threads == 1 else f"SDK, {threads} threads"
        self.description = f"no mount: a script with the official SDK copies all, {threads} at a time, then the command runs"
        self.server = server
        self.root = scratch / f"sdk-{threads}-{server.latency}"
        script = Path(__file__).parent / "sdk_copy.py"
        self._copy = ["env", f"BAYT_API_KEY={KEY}", str(python), str(script), server.url, str(self.root), str(threads)]

    def make_cold(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def words(self, command: list[str]) -> list[str]:
        script = 'root=$1 count=$2; shift 2; [ -d "$root" ] || "${@:1:count}" || exit; cd "$root"; "${@:count + 1}"'
        return ["bash", "-c", script, "bash", str(self.root), str(len(self._copy)), *self._copy, *command]

    @property
    def directory(self) -> Path:
        return self.root.parent

    def close(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


def missing(subject: type[Subject]) -> str | None:
    """Why a subject cannot be had."""
    programs = {Rclone: "rclone", DavFS: "mount.davfs", S3FS: "s3fs"}
    program = programs.get(subject)
    if program and not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        return "not installed"
    return None


def copy_tree(source: Path, target: Path) -> None:
    """A plain copy of a mounted library, with times and symlinks."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    subprocess.run(["chmod", "-R", "u+w", str(target)], check=True)
