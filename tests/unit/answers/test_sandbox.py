"""Hostile programs in the real sandbox."""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import threading
import time
from pathlib import Path

import pytest

from rlkd_data.answers import sandbox, sandbox_filter, sandbox_mounts
from rlkd_data.answers.sandbox import Limits, Ran, SandboxUnavailable, run_python
from rlkd_data.run import process

REASON = sandbox.available()
shut_in = pytest.mark.skipif(REASON is not None, reason=f"sandbox unavailable: {REASON}")
SHORT = Limits(cpu_seconds=1, wall_seconds=20, memory=256 << 20, processes=8, box_bytes=4 << 20, file_bytes=2 << 20)


def run(program: str, limits: Limits = SHORT) -> Ran:
    return run_python(program, b"", limits)


@shut_in
def test_a_program_reads_its_input_and_prints() -> None:
    ran = run_python("import sys, math\nprint(sum(map(int, sys.stdin)) + math.comb(4, 2))", b"1\n2\n")
    assert (ran.ended, ran.code, ran.stdout.strip()) == ("itself", 0, b"9")


@shut_in
def test_an_endless_loop_ends_by_processor_time() -> None:
    ran = run("import signal\nwhile True: pass")
    assert (ran.ended, ran.code) == ("itself", -24)


@shut_in
def test_a_loop_that_catches_the_limits_signal_is_killed() -> None:
    ran = run("import signal\nsignal.signal(signal.SIGXCPU, lambda *a: None)\nwhile True: pass")
    assert (ran.ended, ran.code) == ("itself", -9)


@shut_in
def test_a_program_that_sleeps_ends_by_the_clock_with_all_that_it_started() -> None:
    mark = f"rlkd-{secrets.token_hex(8)}"
    program = f"""
import os, sys, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", "{mark}"])
print("started", flush=True)
time.sleep(600)
"""
    ran = run(program, Limits(wall_seconds=2, processes=8))
    assert (ran.ended, ran.code, ran.stdout) == ("wall time", None, b"started\n")
    until = time.monotonic() + 30  # the kernel takes its time to end them on a machine that is busy
    while left := [pid for pid in Path("/proc").iterdir() if pid.name.isdigit() and mark in _command(pid)]:
        assert time.monotonic() < until, left
        time.sleep(0.05)


def _command(place: Path) -> str:
    try:
        return (place / "cmdline").read_text()
    except OSError:
        return ""


@shut_in
def test_a_fork_bomb_is_bounded() -> None:
    ran = run("import os, time\nn = 0\ntry:\n  while n < 500:\n    if os.fork() == 0: time.sleep(9); os._exit(0)\n"
              "    n += 1\nexcept OSError: print(n)")  # fmt: skip
    assert ran.code == 0
    assert 0 < int(ran.stdout) < SHORT.processes


@shut_in
def test_memory_is_limited() -> None:
    ran = run("held = bytearray(1 << 30)\nprint('had it')")
    assert ran.code == 1
    assert b"MemoryError" in ran.stderr
    assert ran.stdout == b""


@shut_in
def test_the_network_of_this_machine_is_out_of_reach() -> None:
    calls: list[object] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(5)

        def accept() -> None:
            try:
                calls.append(listener.accept())
            except OSError:
                return

        waiting = threading.Thread(target=accept)
        waiting.start()
        port = listener.getsockname()[1]
        ran = run(f"import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=2)")
        assert ran.code == 1
        assert b"OSError" in ran.stderr or b"ConnectionRefusedError" in ran.stderr or b"unreachable" in ran.stderr
        assert not calls
        socket.create_connection(("127.0.0.1", port)).close()  # from outside it can be reached
        waiting.join()
    assert len(calls) == 1


@shut_in
def test_no_secret_is_in_reach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    (tmp_path / "key").write_text("sk-secret")
    ran = run(
        f"""
import os, pathlib
print(os.environ.get("OPENAI_API_KEY"))
for place in ("/proc/1/environ", "/proc/self/environ", f"/proc/{{os.getppid()}}/environ", {str(tmp_path / "key")!r},
              "/etc/passwd", "/etc/shadow", "/home", "/root/.ssh"):
    print(pathlib.Path(place).exists())
print(os.listdir("/box"), [fd for fd in range(3, 64) if os.path.exists(f"/dev/fd/{{fd}}")])
for fd in range(3, 64):
    try:
        os.fstat(fd); print("open", fd)
    except OSError:
        pass
"""
    )
    assert ran.code == 0, ran.stderr
    assert ran.stdout.decode().split("\n")[:9] == ["None", *["False"] * 8]
    assert ran.stdout.decode().split("\n")[9:] == ["['program.py'] []", ""]


@shut_in
def test_only_its_own_folder_can_be_written_and_that_is_bounded(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    ran = run(
        f"""
import os, sys
for place in ({str(outside)!r}, "/usr/bad", "/etc/bad", "/bad", sys.prefix + "/bad", os.__file__, "/dev/bad"):
    try:
        open(place, "a"); print("written", place)
    except OSError:
        pass
open("/box/mine", "w").write("x")
try:
    for number in range(8):
        open(f"/tmp/{{number}}", "wb").write(bytes(1 << 20))
    print("unbounded")
except OSError as problem:
    print(problem.strerror)
"""
    )
    assert ran.stdout == b"No space left on device\n", ran.stderr
    assert not outside.exists()
    big = run("import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nopen('big', 'wb').write(bytes(3 << 20))")
    assert big.code == 1


@shut_in
def test_it_can_neither_kill_its_parent_nor_get_more_rights() -> None:
    ran = run(
        """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
for victim in (os.getppid(), 1):
    try:
        os.kill(victim, signal.SIGKILL)
    except OSError:
        pass
print(os.getuid() != 0)
print(libc.unshare(0x10000000), libc.mount(b"tmpfs", b"/box", b"tmpfs", 0, None), libc.ptrace(16, 1, 0, 0))
try:
    os.chroot("/box")
except OSError:
    print("still here")
"""
    )
    assert (ran.ended, ran.code, ran.stdout) == ("itself", 0, b"True\n-1 -1 -1\nstill here\n")


@shut_in
def test_keys_vsock_io_uring_and_memory_of_nobody_are_out_of_reach() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    keyctl, add_key = 250, 248  # on x86-64
    mine = -3
    libc.syscall(add_key, b"user", b"rlkd-test", b"KEYRINGSECRET", 13, mine)
    ran = run(
        f"""
import ctypes, socket
libc = ctypes.CDLL(None, use_errno=True)
def called(*given):
    return libc.syscall(*given), ctypes.get_errno()
print(called({keyctl}, 10, -3, b"user", b"rlkd-test", 0), called({keyctl}, 0, -3, 0))
print(called({add_key}, b"a", b"", b"", 0, -3))
print(called(425, 8, 0), called(319, b"x", 0), called(29, 0, 1 << 20, 0o1600))
for family in (0, 3, 9, 11, 16, 38, 40, (1 << 32) + 40):
    print(called(41, ctypes.c_long(family), 1, 0))
print([socket.socket(family).family.name for family in (1, 2, 10)], len(socket.socketpair()))
"""
    )
    lines = ran.stdout.decode().splitlines()
    assert ran.code == 0, ran.stderr
    assert lines[:3] == ["(-1, 1) (-1, 1)", "(-1, 1)", "(-1, 38) (-1, 1) (-1, 1)"], lines
    assert set(lines[3:11]) == {"(-1, 97)"} and lines[11] == "['AF_UNIX', 'AF_INET', 'AF_INET6'] 2"


@shut_in
def test_all_processes_together_have_one_limit_of_memory() -> None:
    program = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        held = bytearray(os.urandom(1) * (90 << 20))
        time.sleep(30)
time.sleep(30)
"""
    assert run(program).ended == "too much memory"
    shared = "import os, time\nheld = bytearray(b'x' * (90 << 20))\nfor _ in range(5):\n    if os.fork() == 0: time.sleep(0.3); os._exit(0)\ntime.sleep(0.5)\nprint('fits')"  # noqa: E501
    assert run(shared).stdout == b"fits\n"


@shut_in
def test_sockets_hold_little_that_no_process_has() -> None:
    ran = run(
        """
import socket
held, kept = 0, []
try:
    while True:
        pair = socket.socketpair()
        kept.append(pair)
        for one in pair:
            one.setblocking(False)
            for option in (7, 8, 32, 33):
                try:
                    one.setsockopt(socket.SOL_SOCKET, option, 1 << 23)
                    print("larger", option)
                except PermissionError:
                    pass
            try:
                while True:
                    held += one.send(bytes(65536))
            except BlockingIOError:
                pass
except OSError:
    print(held < 32 << 20)
kept.pop()
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.setsockopt(socket.IPPROTO_TCP, 7, 3)
"""
    )
    assert (ran.code, ran.stdout) == (0, b"True\n"), (ran.stdout, ran.stderr)


def test_without_libseccomp_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_filter, "_LIBRARY", "libnowhere.so.2")
    with pytest.raises(OSError, match=r"libnowhere.so.2 is not installed, and without it nothing is run"):
        sandbox_filter.library()


def test_folders_of_killed_runs_are_swept_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sandbox_mounts.tempfile, "tempdir", str(tmp_path))
    host, _, own = process.name().partition(":")
    pid, _, start = own.partition(":")
    left = (f"{host}~{pid}~{int(start) - 1}-a", f"{host}~{2**22 + 1}~5-b", "abcdefgh")
    kept = (f"{host}~{pid}~{start}-c", f"elsewhere~{2**22 + 1}~5-d", "younger1", f"{host}~{2**22 + 1}~5-full")
    for name in (*left, *kept):
        (tmp_path / f"rlkd-sandbox-{name}").mkdir()
    os.utime(tmp_path / "rlkd-sandbox-abcdefgh", (0, 0))
    (tmp_path / f"rlkd-sandbox-{kept[-1]}" / "notes.txt").write_text("mine")
    with sandbox_mounts.one() as held:
        sandbox_mounts.sweep()
        assert Path(held).is_dir()
    assert {path.name.removeprefix("rlkd-sandbox-") for path in tmp_path.iterdir()} == set(kept)


@shut_in
def test_endless_output_is_cut() -> None:
    ran = run("while True: print('x' * 10000)", Limits(output_bytes=1 << 20))
    assert ran.ended == "too much output"
    assert len(ran.stdout) < 2 << 20


def test_where_a_program_cannot_be_shut_in_nothing_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sandbox.sys, "platform", "darwin")
    monkeypatch.setattr(sandbox.os, "getpid", lambda: -1)  # what was found out before is of another process
    with pytest.raises(SandboxUnavailable, match="needs Linux namespaces, this is darwin"):
        run(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_that_refuses_namespaces_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "init.py"
    source = Path(sandbox.sandbox_init.__file__).read_text()
    broken.write_text(source.replace("_libc.unshare(_NEW_NAMESPACES)", "_libc.unshare(1)"))
    monkeypatch.setattr(sandbox.sandbox_init, "__file__", str(broken))
    monkeypatch.setattr(sandbox.os, "getpid", lambda: -2)
    if sandbox.sys.platform == "linux":
        with pytest.raises(SandboxUnavailable, match="namespaces cannot be made: Invalid argument"):
            run("print('ran')")
