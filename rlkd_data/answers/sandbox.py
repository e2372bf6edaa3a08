"""Runs a Python program that nobody vouches for: no network, no files but its own, limits on everything it takes.

Linux only, by its namespaces (see `sandbox_init`). Where they cannot be had, nothing is run: SandboxUnavailable.
"""

from __future__ import annotations

import functools
import json
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from rlkd_data.answers import sandbox_init, sandbox_mounts

_STDERR = 1 << 20
"""Bytes of error output read; what comes after is thrown away."""
_CHUNK = 1 << 16
_LOOK = 0.2
"""Seconds between two questions whether a run is given up."""
Ended = Literal["itself", "wall time", "too much output", "too much memory", "stopped"]


class SandboxUnavailable(Exception):
    """This machine cannot shut a program in; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may take. `memory` in bytes is address space of each process, and what all of them together may have
    in memory; `wall_seconds` end everything, and so does `given_up`, which is asked several times a second."""

    cpu_seconds: int = 10
    wall_seconds: float = 30.0
    memory: int = 1 << 30
    file_bytes: int = 16 << 20
    processes: int = 16
    output_bytes: int = 16 << 20
    box_bytes: int = 32 << 20
    box_files: int = 1000
    given_up: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended. `code` is its exit status, or minus the signal that ended it, where it ended by itself."""

    ended: Ended
    code: int | None
    stdout: bytes
    stderr: bytes


def available() -> str | None:
    """None where programs can be shut in; otherwise the reason why not. Tried once, on a real program that tries to get
    out."""
    return _available(os.getpid())


@functools.cache
def _available(process: int) -> str | None:
    if sys.platform != "linux":
        return f"needs Linux namespaces, this is {sys.platform}"
    sandbox_mounts.sweep()
    try:
        return _tried()
    except SandboxUnavailable as problem:
        return str(problem)


def _tried() -> str | None:
    """Trust is good: a listener on this machine must be out of reach, and the limit on processes must hold."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ran = _run(_PROBE.replace("PORT", str(listener.getsockname()[1])), b"", Limits(processes=4))
    said = ran.stdout.decode(errors="replace").strip()
    if ran.code != 0 or said != "shut in":
        last = ran.stderr.decode(errors="replace").strip().splitlines()
        return f"a trial program was not shut in: {said or (last[-1] if last else ran.ended)}"
    return None


_PROBE = """
import os, socket, time
try:
    socket.create_connection(("127.0.0.1", PORT), timeout=2)
    raise SystemExit("the network is in reach")
except OSError:
    pass
try:
    for _ in range(8):
        if os.fork() == 0:
            time.sleep(1)
            os._exit(0)
    raise SystemExit("processes are not limited")
except OSError:
    pass
try:
    open("/usr/rlkd-was-here", "w")
    raise SystemExit("the system's files can be written")
except OSError:
    print("shut in")
"""


def run_python(
    program: str,
    stdin: bytes | socket.socket = b"",
    limits: Limits | None = None,
    files: Mapping[str, str] | None = None,
    stop: int | None = None,
) -> Ran:
    """Run a program's text with this interpreter and its packages, in a folder that holds nothing but `files`.

    A socket as standard input is closed here. What can be read from `stop` ends the run. Raises SandboxUnavailable.
    """
    try:
        reason = available()
        if reason is not None:
            raise SandboxUnavailable(reason)
        return _run(program, stdin, limits or Limits(), files or {}, stop)
    finally:
        if isinstance(stdin, socket.socket):
            stdin.close()


def _run(
    program: str,
    stdin: bytes | socket.socket,
    limits: Limits,
    files: Mapping[str, str] | None = None,
    stop: int | None = None,
) -> Ran:
    with (
        sandbox_mounts.one() as mount_point,
        tempfile.TemporaryFile() as config,
        tempfile.TemporaryFile() as fed,
    ):
        config.write(json.dumps(_config({**(files or {}), "program.py": program}, limits, mount_point)).encode())
        config.seek(0)
        if isinstance(stdin, bytes):
            fed.write(stdin)
            fed.seek(0)
        status_read, status_write = os.pipe()
        with os.fdopen(status_read, "rb") as status:
            try:
                process = subprocess.Popen(
                    [sys.executable, "-I", "-S", sandbox_init.__file__, str(config.fileno()), str(status_write)],
                    stdin=fed.fileno() if isinstance(stdin, bytes) else stdin.fileno(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(config.fileno(), status_write),
                    env={},
                    start_new_session=True,
                )
            except OSError as problem:
                raise SandboxUnavailable(f"no process can be started: {problem}") from None
            finally:
                os.close(status_write)
                if isinstance(stdin, socket.socket):
                    stdin.close()  # so that its end is seen at the other one
            with process:
                try:
                    ended, stdout, stderr = _watch(process, limits, stop)
                finally:
                    process.kill()  # and with it, by the kernel, all that it started
            return _outcome(ended, stdout, stderr, status.read().decode(errors="replace"))


def _outcome(ended: Ended, out: bytes, err: bytes, status: str) -> Ran:
    lines = status.splitlines()
    if "ready" not in lines and ended != "stopped":
        said = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), "it did not start")
        raise SandboxUnavailable(said)
    if error := next((line for line in lines if line.startswith("error: ")), None):
        raise SandboxUnavailable(error.removeprefix("error: "))
    if "memory" in lines:
        return Ran("too much memory", None, out, err)
    if ended in ("wall time", "too much output"):
        return Ran(ended, None, out, err)
    word, _, number = (lines or [""])[-1].partition(" ")
    if word not in ("exit", "signal"):  # whoever watched it was killed: the machine's memory, or its own alarm
        return Ran("wall time" if ended == "itself" else ended, None, out, err)
    return Ran("itself", int(number) if word == "exit" else -int(number), out, err)


def _config(files: Mapping[str, str], limits: Limits, mount_point: str) -> dict[str, Any]:
    return {
        "command": [sys.executable, "-I", "-B", "-X", "utf8", f"{sandbox_init.BOX}/program.py"],
        "environment": {
            "PATH": "/usr/bin:/bin",
            "HOME": sandbox_init.BOX,
            "TMPDIR": sandbox_init.BOX,
            "LANG": "C.UTF-8",
            "OPENBLAS_NUM_THREADS": "1",  # each thread would reserve memory, and be a process
            "OMP_NUM_THREADS": "1",
        },
        "files": files,
        "folders": _interpreter(),
        "package": str(Path(__file__).resolve().parents[2]),
        "mount_point": str(Path(mount_point).resolve()),
        "cpu_seconds": limits.cpu_seconds,
        "wall_seconds": limits.wall_seconds,
        "memory": limits.memory,
        "file_bytes": limits.file_bytes,
        "processes": limits.processes,
        "box_bytes": limits.box_bytes,
        "box_files": limits.box_files,
    }


def _interpreter() -> list[str]:
    """The folders that this interpreter and its packages stand in."""
    binary = Path(sys.executable)
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, str(binary.resolve().parent.parent)}
    return sorted(path for path in found if path != "/")


def _watch(process: subprocess.Popen[bytes], limits: Limits, stop: int | None) -> tuple[Ended, bytes, bytes]:
    """Read what the program says until it ends, is stopped, has taken its time, or says too much."""
    assert process.stdout is not None and process.stderr is not None
    until = time.monotonic() + limits.wall_seconds
    said: Mapping[IO[bytes], bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    ended: Ended = "itself"
    with selectors.DefaultSelector() as selector:
        for stream in said:
            selector.register(stream, selectors.EVENT_READ)
        if stop is not None:
            selector.register(stop, selectors.EVENT_READ)
        open_ = len(said)
        while open_ and ended == "itself":
            left = until - time.monotonic()
            ready = selector.select(min(max(left, 0), _LOOK))
            if left <= 0 or limits.given_up():
                ended = "wall time"
                break
            for key, _ in ready:
                pipe: Any = key.fileobj
                if pipe == stop:
                    ended = "stopped"
                    break
                chunk = os.read(pipe.fileno(), _CHUNK)
                if not chunk:
                    selector.unregister(pipe)
                    open_ -= 1
                elif pipe is process.stdout or len(said[pipe]) < _STDERR:
                    said[pipe].extend(chunk)
            if len(said[process.stdout]) > limits.output_bytes:
                ended = "too much output"
    while ended == "itself":
        left = until - time.monotonic()
        try:
            process.wait(min(max(left, 0), _LOOK))
            break
        except subprocess.TimeoutExpired:
            if left <= 0 or limits.given_up():
                ended = "wall time"
    return ended, bytes(said[process.stdout]), bytes(said[process.stderr])
