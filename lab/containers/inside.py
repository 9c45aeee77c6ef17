"""The inside of a container: takes namespaces of its own, puts its files at their paths, and starts its program.

Started by `outside`, which names a file with the description and a socket. Over the socket it asks for sockets of this
network: this process stays, as the pause container of a pod does, and makes them.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import threading
from pathlib import Path
from typing import Any

NETWORK = "10.0.0.1"
"""Address of the loopback device, with class A's mask: all pods and Services of the lab lie in there."""

_LIBC = ctypes.CDLL(None, use_errno=True)
# linux/sched.h, linux/mount.h, linux/prctl.h, linux/sockios.h
_NEW_MOUNTS, _NEW_USERS, _NEW_NETWORK = 0x00020000, 0x10000000, 0x40000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
# What a mount has it keeps: f_flag of statvfs, and the flag of mount.
_KEPT = {2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}
_END_WITH_PARENT, _NO_NEW_RIGHTS = 1, 38
_SET_ADDRESS, _GET_FLAGS, _SET_FLAGS, _UP = 0x8916, 0x8913, 0x8914, 1


def _checked(name: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str, target: str, flags: int) -> None:
    _checked(f"mount {target}", _LIBC.mount(source.encode(), target.encode(), None, flags, None))


def _make_read_only(target: str) -> None:
    has = os.statvfs(target).f_flag
    kept = sum(flag for bit, flag in _KEPT.items() if has & bit)
    _mount("none", target, _BIND | _REMOUNT | _READ_ONLY | kept)


def _take_namespaces(user: int, group: int) -> None:
    """Users, mounts and network of its own. This process is seen as the user and group. Raises OSError."""
    outside = os.geteuid(), os.getegid()
    _checked("unshare", _LIBC.unshare(_NEW_USERS | _NEW_MOUNTS | _NEW_NETWORK))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {outside[0]} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {outside[1]} 1")
    _mount("none", "/", _PRIVATE | _RECURSIVE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14s", b"lo", 0, b"")
        (flags,) = struct.unpack_from("16xh", fcntl.ioctl(any_socket, _GET_FLAGS, request))
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14s", b"lo", flags | _UP, b""))
        address = struct.pack("16sH2s4s8s", b"lo:0", socket.AF_INET, b"", socket.inet_aton(NETWORK), b"")
        fcntl.ioctl(any_socket, _SET_ADDRESS, address)


def _serve(asked: socket.socket) -> None:
    """Make the sockets that `outside` asks for: `listen PORT` or `connect PORT`."""
    while message := asked.recv(64).decode():
        word, _, port = message.partition(" ")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
            try:
                if word == "listen":
                    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    made.bind(("", int(port)))
                    made.listen(64)
                else:
                    made.connect(("127.0.0.1", int(port)))
            except OSError as error:
                asked.send(str(error).encode())
            else:
                socket.send_fds(asked, [b"made"], [made.fileno()])


def _start(about: dict[str, Any]) -> int:
    """Start the program in a process of its own; its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        _LIBC.prctl(_END_WITH_PARENT, signal.SIGTERM)
        os.chroot(about["root"])
        os.chdir("/")
        _checked("prctl", _LIBC.prctl(_NO_NEW_RIGHTS, 1, 0, 0, 0))
        # To run as another user than root takes all capabilities away.
        os.execve(about["program"], about["command"], about["environment"])  # noqa: S606  no shell on purpose
    except OSError as error:
        sys.stderr.write(f"{about['program']}: {error}\n")
    os._exit(126)


def main() -> None:
    """Run the program to its end, and end with its exit code. --try: only see whether namespaces are to be had."""
    if sys.argv[1] == "--try":
        _take_namespaces(1, 1)
        return
    about = json.loads(Path(sys.argv[1]).read_text())
    asked = socket.socket(fileno=int(sys.argv[2]))
    _take_namespaces(about["user"], about["group"])
    _LIBC.prctl(_END_WITH_PARENT, signal.SIGKILL)
    _mount(about["root"], about["root"], _BIND | _RECURSIVE)
    for source, target, read_only in about["mounts"]:
        _mount(source, about["root"] + target, _BIND | _RECURSIVE)
        if read_only:
            _make_read_only(about["root"] + target)
    # What is mounted in it stays as it is.
    _make_read_only(about["root"])
    pid = _start(about)

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    signal.signal(signal.SIGTERM, pass_on)
    threading.Thread(target=_serve, args=(asked,), daemon=True).start()
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
