"""Runs one command inside another root: `python inside.py ROOT USER FOLDER network|alone PROGRAM ...`.

It is started by `unshare --mount --pid --fork`, so every mount made here is gone when it ends, before anybody deletes
the tree. No folder of this machine is bound into the root.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import socket
import struct
import subprocess
import sys
from pathlib import Path

DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}


def mount(kind: str, where: Path, *options: str) -> None:
    subprocess.run(["mount", "-t", kind, kind, str(where), *options], check=True)


def prepare(root: Path, read_only: bool) -> None:
    """Fresh /proc, /dev and /tmp; a container that serves also gets a read-only root with only /data to write in."""
    if read_only:
        subprocess.run(["mount", "--bind", str(root), str(root)], check=True)
        subprocess.run(["mount", "--bind", str(root / "data"), str(root / "data")], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(root)], check=True)
    mount("proc", root / "proc")
    mount("tmpfs", root / "dev", "-o", "mode=755")
    mount("tmpfs", root / "tmp", "-o", "mode=1777")
    for name, (major, minor) in DEVICES.items():
        os.mknod(root / "dev" / name, 0o020666, os.makedev(major, minor))
        (root / "dev" / name).chmod(0o666)
    (root / "dev" / "fd").symlink_to("/proc/self/fd")


def loopback_up() -> None:
    """Brings `lo` up in a network namespace of our own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sH", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, up and running


def enter(root: Path, user: str, folder: str) -> None:
    """chroot, then become `user` for good."""
    os.chroot(root)
    os.chdir(folder)
    os.umask(0o022)
    if user != "root":
        who = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(who.pw_gid)
        os.setuid(who.pw_uid)


def main() -> None:
    root, user, folder, network, *command = sys.argv[1:]
    prepare(Path(root), read_only=network == "alone")
    if network == "alone":
        loopback_up()
    enter(Path(root), user, folder)
    os.execvpe(command[0], command, dict(os.environ))


if __name__ == "__main__":
    main()
