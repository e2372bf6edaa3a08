"""The sandbox's inner side: run as a script, it shuts itself in and then becomes the program. Standard library only.

outer   stays outside, writes the namespace's user map, watches the memory of all together
inner   makes the namespaces: user, network, processes, mounts, IPC, host name
first   process 1 of the namespace: builds a root of read-only system folders, waits for the program; when it ends
        the kernel ends everything that the program left behind
program another user, without capabilities, under limits, without some system calls
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import stat
import sys
from pathlib import Path
from typing import Any, NoReturn

_NEW_NAMESPACES = 0x10000000 | 0x40000000 | 0x20000000 | 0x00020000 | 0x08000000 | 0x04000000
"""CLONE_NEWUSER, NEWNET, NEWPID, NEWNS, NEWIPC, NEWUTS."""
_RDONLY, _NOSUID, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
_KEPT = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
"""Flags of a mount that a remount has to repeat."""
_PDEATHSIG, _DUMPABLE, _NO_NEW_PRIVILEGES = 1, 4, 38
_INSIDE = 1000
"""The program's user and group inside; outside it is nobody, where root runs this, otherwise whoever runs it."""
_NOBODY = 65534
_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
BOX = "/box"
_TMP = "/tmp"

_libc = ctypes.CDLL(None, use_errno=True)


def main(config: dict[str, Any], status: int) -> NoReturn:
    """Runs `config["command"]` in `BOX`. Writes to `status`: `ready`, then `exit N` or `signal N`; or `error: …`."""
    try:
        sys.path.append(config["package"])
        _outer(config, status)
    except OSError as problem:
        os.write(status, f"error: {problem}\n".encode())
    os._exit(1)


def _outer(config: dict[str, Any], status: int) -> NoReturn:
    from rlkd_data.answers import sandbox_filter, sandbox_watch  # beside this file, which is run by its path

    config["seccomp"] = seccomp = sandbox_filter.library()
    sandbox_filter.leave_keys(seccomp, _libc)
    _prctl(_PDEATHSIG, signal.SIGKILL)
    unshared, mapped = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _guarded(_inner, config, status, unshared[1], mapped[0])
    os.close(unshared[1])
    os.close(mapped[0])
    if os.read(unshared[0], 1):
        _map_users(child)
        os.write(mapped[1], b"x")
        if not sandbox_watch.wait(child, config["memory"]):
            os.write(status, b"memory\n")
            os.kill(child, signal.SIGKILL)  # and with it, by the kernel, all that it started
    os.waitpid(child, 0)
    os._exit(0)


def _map_users(child: int) -> None:
    """Root maps the program to nobody: the kernel does not hold root's own processes to their limit, and root owns the
    files."""
    place = Path(f"/proc/{child}")
    if os.geteuid() == 0:
        lines = f"0 0 1\n{_INSIDE} {_NOBODY} 1\n"
        (place / "uid_map").write_text(lines)
        (place / "gid_map").write_text(lines)
        return
    (place / "uid_map").write_text(f"{_INSIDE} {os.geteuid()} 1\n")
    (place / "setgroups").write_text("deny")
    (place / "gid_map").write_text(f"{_INSIDE} {os.getegid()} 1\n")


def _inner(config: dict[str, Any], status: int, unshared: int, mapped: int) -> NoReturn:
    _prctl(_PDEATHSIG, signal.SIGKILL)
    was_root = os.geteuid() == 0
    _checked(_libc.unshare(_NEW_NAMESPACES), "namespaces cannot be made")
    os.write(unshared, b"x")
    if not os.read(mapped, 1):
        os._exit(1)
    _prctl(_PDEATHSIG, signal.SIGKILL)  # new credentials had cleared it
    child = os.fork()
    if child == 0:
        _guarded(_first, config, status, was_root)
    os.waitpid(child, 0)
    os._exit(0)


def _first(config: dict[str, Any], status: int, was_root: bool) -> NoReturn:
    _prctl(_PDEATHSIG, signal.SIGKILL)
    _prctl(_DUMPABLE, 0)  # the program may be the same user: it must not trace this process
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # without handlers, nothing inside can signal process 1
    signal.alarm(int(config["wall_seconds"]) + 5)
    _build_root(config)
    child = os.fork()
    if child == 0:
        _guarded(_program, config, status, was_root)
    while True:
        ended, how = os.wait()
        if ended == child:
            break
    code = os.waitstatus_to_exitcode(how)
    os.write(status, (f"exit {code}\n" if code >= 0 else f"signal {-code}\n").encode())
    os._exit(0)


def _build_root(config: dict[str, Any]) -> None:
    """A root of nothing but the system's libraries and the interpreter, read-only, with the one folder that the program
    may write. There is no /proc in it, so no other process's environment can be read.

    It is entered by chroot: the kernel lets nobody inside a chroot make a user namespace of its own, and without one
    the program has no capability to leave it with.
    """
    root: str = config["mount_point"]
    _mount(None, "/", None, _REC | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NOSUID, "size=1m,mode=0755")
    box = root + BOX
    writable = [box]
    if any(path.startswith(f"{_TMP}/") for path in config["folders"]):  # the interpreter stands below it
        writable.append(root + _TMP)
    for place in writable:
        Path(place).mkdir()
        size, files = config["box_bytes"], config["box_files"]
        data = f"size={size},nr_inodes={files},mode=0700,uid={_INSIDE},gid={_INSIDE}"
        _mount("tmpfs", place, "tmpfs", _NOSUID, data)
    for path in (*_SYSTEM, *config["folders"], *_DEVICES):
        _show(path, root)
    for name, text in config["files"].items():
        file = Path(box, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        os.chown(file, _INSIDE, _INSIDE)
    if len(writable) == 1:
        Path(root + _TMP).symlink_to(BOX)
    _make_read_only(root, except_=writable)
    os.chroot(root)
    os.chdir(BOX)


def _show(path: str, root: str) -> None:
    source, target = Path(path), Path(root + path)
    if target.exists() or target.is_symlink():  # shown already as part of another
        return
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    if stat.S_ISDIR(source.stat().st_mode):
        target.mkdir()
    else:
        target.touch()
    _mount(path, str(target), None, _BIND | _REC)


def _make_read_only(root: str, except_: list[str]) -> None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        place = os.fsdecode(os.fsencode(fields[4]).decode("unicode_escape").encode("latin-1"))  # `\040` is a space
        if place in except_ or not (place == root or place.startswith(root + "/")):
            continue
        kept = sum(_KEPT.get(option, 0) for option in fields[5].split(","))
        _mount(None, place, None, _REMOUNT | _BIND | _RDONLY | _NOSUID | (kept & ~_NOSUID))


def _program(config: dict[str, Any], status: int, was_root: bool) -> NoReturn:
    from rlkd_data.answers import sandbox_filter

    os.setsid()
    limits = {
        resource.RLIMIT_CPU: config["cpu_seconds"] + 1,
        resource.RLIMIT_AS: config["memory"],
        resource.RLIMIT_FSIZE: config["file_bytes"],
        resource.RLIMIT_NPROC: config["processes"],
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    if was_root:
        os.setgroups([])
        os.setresgid(_INSIDE, _INSIDE, _INSIDE)
        os.setresuid(_INSIDE, _INSIDE, _INSIDE)
    for limit, wanted in limits.items():
        _, hard = resource.getrlimit(limit)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        soft = most - 1 if limit == resource.RLIMIT_CPU else most  # first SIGXCPU, which tells it from other kills
        resource.setrlimit(limit, (soft, most))
    _prctl(_NO_NEW_PRIVILEGES, 1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.set_inheritable(status, False)
    os.closerange(3, status)
    os.closerange(status + 1, 256)
    sandbox_filter.shut(config["seccomp"])
    os.write(status, b"ready\n")
    os.execve(config["command"][0], config["command"], config["environment"])


def _guarded(part: Any, config: dict[str, Any], status: int, *more: Any) -> NoReturn:
    try:
        part(config, status, *more)
    except BaseException as problem:
        os.write(status, f"error: {problem}\n".encode())
    os._exit(1)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind, data)]
    done = _libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3])
    _checked(done, f"{target} cannot be mounted")


def _prctl(option: int, value: int) -> None:
    _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option} failed")


def _checked(result: int, what: str) -> None:
    if result != 0:
        raise OSError(f"{what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[1]), "rb") as stream:
        main(json.load(stream), int(sys.argv[2]))
