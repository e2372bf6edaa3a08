"""`rlkd-data export`: a table to one file, here or at an address, which appears whole or not at all."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from rlkd_data.collect.stored import is_address, reach
from rlkd_data.errors import InputError, first_line
from rlkd_data.export.examples import Choice, examples
from rlkd_data.export.shapes import SHAPES, schema, shaped
from rlkd_data.files import whole_file
from rlkd_data.tables import write_foreign

ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".parquet")


@dataclass
class Exported:
    """How many examples were written, and how many rows were left out by reason."""

    written: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        without = "".join(f"  left out:{reason} {count}" for reason, count in sorted(self.left_out.items()))
        return f"export: {self.written} examples{without}"


def export(table: Path, shape: str, out: str, choice: Choice | None = None) -> Exported:
    """Raises InputError for a shape or an ending that there is not, a table that cannot be read or of which nothing can
    be exported, and a place that cannot be written to."""
    if shape not in SHAPES:
        raise InputError(f"--as {shape}: there is no such shape; choose one of {', '.join(SHAPES)}")
    ending = next((ending for ending in ENDINGS if out.endswith(ending)), None)
    if ending is None:
        raise InputError(f"--out {out}: the name must end in {', '.join(ENDINGS)}")
    choice = replace(choice or Choice(), gold=shape == "verl")
    if choice.thought == "beside" and shape not in ("messages", "prompt-completion"):
        raise InputError(f"--as {shape} has no place for reasoning beside the reply: use --thought tags or none")
    done = Exported()
    if not is_address(out):
        _write(Path(out), table, shape, ending, choice, done)
        return done
    system, path = reach(out)
    with tempfile.TemporaryDirectory(prefix="rlkd-export-") as scratch:
        made = Path(scratch) / f"made{ending}"
        _write(made, table, shape, ending, choice, done)
        try:
            system.put_file(str(made), path)
        except Exception as problem:  # each file system has errors of its own
            raise InputError(f"{out} cannot be written: {first_line(problem)}") from None
    return done


def _write(path: Path, table: Path, shape: str, ending: str, choice: Choice, done: Exported) -> None:
    def records() -> Iterator[dict[str, Any]]:
        for number, example in enumerate(examples(table, choice, done.left_out)):
            done.written += 1
            yield shaped(example, shape, number)
        if not done.written:
            raise InputError(f"{table}: no row can be exported ({done})")

    try:
        with whole_file(path) as stream:
            _fill(stream, records(), shape, ending)
    except OSError as problem:
        raise InputError(f"{path} cannot be written: {problem.strerror or problem}") from None


def _fill(stream: IO[bytes], records: Iterator[dict[str, Any]], shape: str, ending: str) -> None:
    lines = (json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") for record in records)
    match ending:
        case ".parquet":
            write_foreign(stream, schema(shape), records)
        case ".json":
            for number, line in enumerate(lines):
                stream.write((b",\n" if number else b"[\n") + line)
            stream.write(b"\n]\n")
        case ".jsonl.gz":
            with gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as packed:
                packed.writelines(line + b"\n" for line in lines)
        case ".jsonl.zst":
            import pyarrow as pa

            with pa.CompressedOutputStream(pa.PythonFile(_Lent(stream), "w"), "zstd") as packed:
                for some in iter(lambda: list(itertools.islice(lines, 64)), []):
                    packed.write(b"".join(line + b"\n" for line in some))
        case _:
            stream.writelines(line + b"\n" for line in lines)


class _Lent(io.RawIOBase):
    """A stream that stays open when its borrower closes it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._stream.write(data)
