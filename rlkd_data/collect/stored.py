"""A file's bytes wherever it lies: on this machine, or at an address that fsspec knows (`s3://…`, `hf://…`)."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rlkd_data.errors import InputError, MissingDependency, RlkdError, first_line

PACKED = (".gz", ".zst")
_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """A file by its `name`, which messages show; `open` gives its bytes as they are stored."""

    name: str
    open: Callable[[], IO[bytes]]


def local(path: Path) -> Stored:
    return Stored(str(path), lambda: path.open("rb"))


def is_address(name: str) -> bool:
    """Whether a name is an address, as `s3://bucket/rows.jsonl`, and no path."""
    protocol, colon, _ = name.partition("://")
    return bool(colon) and protocol.replace("+", "").isalnum()


def reach(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path there. Raises InputError where there is none, or its package is not
    installed."""
    import fsspec  # type: ignore[import-untyped]

    try:
        system, path = fsspec.core.url_to_fs(address)
        return system, str(path)
    except ImportError as problem:
        protocol = address.partition("://")[0]
        package = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}.get(protocol)
        if package is None:
            raise InputError(f"{address}: {first_line(problem)}") from None
        raise MissingDependency(package, f"an address of {protocol}://") from None
    except Exception as problem:  # each file system has errors of its own
        raise InputError(f"{address}: {first_line(problem)}") from None


def remote(address: str, wanted: Callable[[str], bool]) -> list[Stored]:
    """The file at an address, or those below it that are `wanted` by what stands behind the address, in the order of
    their names. Raises InputError where it cannot be reached."""
    system, path = reach(address)
    try:
        if system.isfile(path):
            return [_at(system, path, address)]
        found = sorted(system.find(path))
    except Exception as problem:
        raise InputError(f"{address} cannot be read: {first_line(problem)}") from None
    root = str(path).rstrip("/") + "/"
    below = [(each, each.removeprefix(root)) for each in found]
    return [_at(system, each, f"{address.rstrip('/')}/{name}") for each, name in below if wanted(name)]


def _at(system: Any, path: str, name: str) -> Stored:
    # Buffered here: the files of s3://, hf:// and others take no limit of a line's length.
    return Stored(name, lambda: io.BufferedReader(system.open(path, "rb"), _BUFFER))


@contextmanager
def unpacked(file: Stored) -> Iterator[IO[bytes]]:
    """A file's bytes, unpacked. Raises InputError where it cannot be read or unpacked; a connection that is lost raises
    RlkdError, since the same command goes on."""
    try:
        with file.open() as stream:
            match Path(file.name).suffix.lower():
                case ".gz":
                    with gzip.open(stream, "rb") as plain:
                        yield plain  # type: ignore[misc]
                case ".zst":
                    import pyarrow as pa

                    with pa.input_stream(stream, compression="zstd") as opened, io.BufferedReader(opened) as buffered:
                        yield buffered
                case _:
                    yield stream
    except (RlkdError, GeneratorExit, UnicodeError, csv.Error):  # of what is in it, which its reader tells
        raise
    except Exception as problem:
        there = is_address(file.name)
        if isinstance(problem, (OSError, EOFError, zlib.error)) and not (there and _is_lost(problem)):
            raise InputError(f"{file.name} cannot be read: {first_line(problem)}; make or download it again") from None
        if not there:
            raise
        raise RlkdError(
            f"{file.name} broke off: {first_line(problem)}; what was read is kept, and the same command goes on"
        ) from None


_NO_FILE = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


def _is_lost(problem: Exception) -> bool:
    """Whether a connection failed, which may pass. What a broken archive raises has no number of the system's."""
    if isinstance(problem, (ConnectionError, TimeoutError)):
        return True
    return isinstance(problem, OSError) and problem.errno is not None and not isinstance(problem, _NO_FILE)
