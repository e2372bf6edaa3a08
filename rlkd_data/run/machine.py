"""What a machine's own errors mean to its user: a full disk, a missing right, a file in the way. Pure."""

from __future__ import annotations

import errno
import re

_TOLD = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "your share of the disk is used up: make room",
    errno.EFBIG: "the file system takes no file of that size: choose another place",
    errno.EROFS: "it can only be read there: choose another place",
    errno.EACCES: "permission is denied: check its rights, or choose another place",
    errno.EPERM: "permission is denied: check its rights, or choose another place",
    errno.ENOTDIR: "a file is in the way of a folder: choose another place",
    errno.EEXIST: "a file is in the way: choose another place",
    errno.EISDIR: "a folder is in the way of a file: choose another place",
    errno.ENOTEMPTY: "files are in the way: choose another place",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.ENOENT: "it is not there (any more): check the path",
    errno.ELOOP: "its links lead in a circle: check the path",
    errno.EIO: "the disk fails: check it",
    errno.ESTALE: "the file server has lost it: check the connection",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine: close some programs",
    errno.ENODEV: "the device is not there: check it",
    errno.ENXIO: "the device is not there: check it",
    errno.EBUSY: "something else uses it: try again later",
    errno.ETXTBSY: "something else uses it: try again later",
}
_NUMBER = re.compile(r"\[errno (\d+)\]", re.IGNORECASE)


def told(problem: OSError) -> str | None:
    """In one line: where, what, and what to do; None for what is no affair of the machine's. Some libraries put the
    error's number into their text alone."""
    number = problem.errno
    if number is None and (found := _NUMBER.search(str(problem))):
        number = int(found[1])
    said = _TOLD.get(number or 0)
    if said is None:
        return None
    place = problem.filename if problem.filename2 is None else problem.filename2
    where = place.decode(errors="replace") if isinstance(place, bytes) else str(place or "a file")
    return f"{where} cannot be used: {said}; finished work is kept, and the same command continues"
