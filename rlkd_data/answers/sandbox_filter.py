"""The system calls that a program in the sandbox does without, by libseccomp. Standard library only.

Namespaces do not hold sockets to the host (vsock), keys of whoever runs this, or memory that belongs to no process.
"""

from __future__ import annotations

import ctypes
import errno
from typing import Any

_LIBRARY = "libseccomp.so.2"
_ALLOW, _FAIL_WITH = 0x7FFF0000, 0x00050000
_EQUAL, _GREATER = 4, 6
_UNIX, _INET, _INET6 = 1, 2, 10
_SOL_SOCKET = 1
_BUFFERS = (7, 8, 32, 33)
"""SO_SNDBUF, SO_RCVBUF and their FORCE: what lies in sockets is nobody's memory, so they keep their size."""
_JOIN_SESSION_KEYRING = 1
_NO_SUCH = -1
_ABSENT = ("io_uring_setup", "io_uring_enter", "io_uring_register")
"""Answered as by a kernel that lacks them, so that libraries take another way."""
_REFUSED = (
    *("keyctl", "add_key", "request_key", "memfd_create", "shmget", "ptrace", "process_vm_readv", "process_vm_writev"),
    *("bpf", "perf_event_open", "userfaultfd", "kcmp", "unshare", "setns", "mount", "umount2", "pivot_root", "swapon"),
    *("open_by_handle_at", "name_to_handle_at", "kexec_load", "init_module", "finit_module", "delete_module"),
)
_REFUSED_IF_KNOWN = ("memfd_secret", "pidfd_getfd", "open_tree", "move_mount", "fsopen", "fsmount", "mount_setattr")
"""Newer than some libraries."""


class _Compared(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("how", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("more", ctypes.c_uint64),
    )


def library() -> Any:
    """libseccomp. Raises OSError where it is not installed."""
    try:
        found = ctypes.CDLL(_LIBRARY)
    except OSError:
        raise OSError(f"{_LIBRARY} is not installed, and without it nothing is run") from None
    found.seccomp_init.restype = ctypes.c_void_p
    found.seccomp_init.argtypes = [ctypes.c_uint32]
    found.seccomp_load.argtypes = [ctypes.c_void_p]
    rule: Any = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Compared)]
    found.seccomp_rule_add_array.argtypes = rule
    return found


def leave_keys(seccomp: Any, libc: Any) -> None:
    """Have a session keyring of one's own. Where a kernel or a container knows none there is none to leave."""
    libc.syscall(ctypes.c_long(_number(seccomp, "keyctl")), ctypes.c_long(_JOIN_SESSION_KEYRING), None)


def shut(seccomp: Any) -> None:
    """Refuse them from here on, in this process and all that it starts. Raises OSError where that fails."""
    context = seccomp.seccomp_init(_ALLOW)
    if not context:
        raise OSError("no filter of system calls can be made")
    for name in (*_ABSENT, *_REFUSED, *_REFUSED_IF_KNOWN):
        number = _number(seccomp, name)
        if number == _NO_SUCH and name in _REFUSED_IF_KNOWN:
            continue
        _rule(seccomp, context, number, errno.ENOSYS if name in _ABSENT else errno.EPERM)
    others = [family for family in range(_INET6) if family not in (_UNIX, _INET)]
    for compared in (*((_EQUAL, family) for family in others), (_GREATER, _INET6)):
        _rule(seccomp, context, _number(seccomp, "socket"), errno.EAFNOSUPPORT, _Compared(0, *compared, 0))
    for option in _BUFFERS:
        which = (_Compared(1, _EQUAL, _SOL_SOCKET, 0), _Compared(2, _EQUAL, option, 0))
        _rule(seccomp, context, _number(seccomp, "setsockopt"), errno.EPERM, *which)
    if seccomp.seccomp_load(context) != 0:
        raise OSError("the kernel takes no filter of system calls")


def _number(seccomp: Any, name: str) -> int:
    return int(seccomp.seccomp_syscall_resolve_name(name.encode()))


def _rule(seccomp: Any, context: Any, number: int, error: int, *compared: _Compared) -> None:
    arguments = (_Compared * len(compared))(*compared)
    if seccomp.seccomp_rule_add_array(context, _FAIL_WITH | error, number, len(compared), arguments) != 0:
        raise OSError(f"system call {number} cannot be refused")
