"""What both command lines share: how an error becomes one line and an exit status, and how a stage is started."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from rlkd_data.run.stage import StageResult, StageSpec

_ADDRESS = re.compile(r"[a-z][a-z0-9+]+:/")
"""An address, whose second slash a path has lost."""


def run_app(app: Callable[[], Any]) -> NoReturn:
    """Run a Typer app and leave with rlkd's exit statuses: 0 done, 1 our fault, 2 wrong input, 3 budget, 130 ^C, and
    143 SIGTERM, which ends a run as ^C does: what was answered is written first."""
    from rlkd_data.errors import InputError, RlkdError
    from rlkd_data.run.interrupt import INTERRUPTED, Interrupts
    from rlkd_data.run.machine import told

    with Interrupts() as interrupts:
        try:
            app()
        except RlkdError as problem:
            _say(f"error: {problem}")
            sys.exit(problem.exit_code)
        except KeyboardInterrupt:
            interrupts.leave()
        except SystemExit as ended:
            if ended.code == INTERRUPTED:  # Typer makes this of ^C
                interrupts.leave()
            raise
        except BrokenPipeError:  # the reader of our output has left, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except Exception as fault:
            said = told(fault) if isinstance(fault, OSError) else None
            if said is not None:
                _say(f"error: {said}")
                sys.exit(InputError.exit_code)
            if os.environ.get("RLKD_DEBUG"):
                raise
            text = " ".join(str(fault).split())
            _say(f"fault in rlkd: {type(fault).__name__}: {text} (RLKD_DEBUG=1 shows where; please report it)")
            sys.exit(1)
    sys.exit(0)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def start(
    spec: StageSpec,
    values: Mapping[str, Any],
    out: Path,
    where: str,
    *,
    estimate: int | None = None,
    replace: bool = False,
) -> StageResult | None:
    """Check the settings, run the stage, and print what came of it. With `estimate` the stage is only estimated, from
    so many requests at most, and `out` is left alone. `replace`: as `run_stage` has it."""
    from rlkd_data.errors import InputError
    from rlkd_data.run.pipeline import check_settings, counts_line
    from rlkd_data.run.progress import console
    from rlkd_data.run.stage import run_stage

    if _ADDRESS.match(str(out)):
        address = str(out).replace(":/", "://", 1)
        raise InputError(
            f"--out {address}: a stage works in a folder of this machine: give one, then write to the address with "
            f"`rlkd-data export FOLDER --as messages --out {address}/rows.jsonl`, or publish it"
        )
    settings = check_settings(spec.settings, values, where)
    if estimate is not None:
        _print_estimate(spec, settings, estimate)
        return None
    result, ran = run_stage(spec, settings, out, replace=replace)
    done = "done" if ran else "nothing to do: it was done before"
    console.print(f"{spec.name}: {done}  {counts_line(result.counts)}".rstrip(), markup=False)
    for name, value in result.figures.items():
        if isinstance(value, (int, float, str)):
            shown = f"{value:.4g}" if isinstance(value, float) else value
            console.print(f"  {name}: {shown}", markup=False)
    print(out)
    return result


def _print_estimate(spec: StageSpec, settings: Any, sample: int) -> None:
    import importlib
    import tempfile

    from rlkd_data.chat.money.estimate import estimate_stage

    module, _, function = spec.run.partition(":")
    with tempfile.TemporaryDirectory(prefix="rlkd-estimate-") as scratch:
        found = estimate_stage(getattr(importlib.import_module(module), function), settings, Path(scratch), sample)
    if found is None:
        print("nothing to ask: no model is needed")
        return
    for line in found.lines():
        print(line)


def from_file(
    config: Path | None, flags: Mapping[str, Any] | None = None, overrides: Sequence[str] | None = None
) -> dict[str, Any]:
    """The settings of a YAML file, if there is one, under those of flags, under those of --set."""
    from rlkd_data.run.pipeline import apply_override, read_yaml

    values = _over(read_yaml(config) if config else {}, flags or {})
    for override in overrides or ():
        apply_override(values, override)
    return values


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """A group that is given in part keeps the rest of what is below it."""
    found = dict(below)
    for name, value in above.items():
        both = isinstance(value, Mapping) and isinstance(found.get(name), Mapping)
        found[name] = _over(found[name], value) if both else value
    return found


def pairs(values: Sequence[str] | None, flag: str, form: str) -> dict[str, str] | None:
    """The pairs of a flag that is given as NAME=VALUE, again and again. Raises InputError for another form, which shows
    no more of a header than its name."""
    from rlkd_data.errors import InputError
    from rlkd_data.unshown import header_name

    found: dict[str, str] = {}
    header = form.startswith("NAME=")
    for value in values or ():
        # A column's name may hold the sign, a header's value too.
        name, equals, given_ = value.partition("=") if header else value.rpartition("=")
        curl = header and re.search(r"[:\s]", name.strip())  # `Name: value`, whose value may end in the sign
        if curl or not equals or not name.strip() or not given_.strip():
            shown = header_name(value) if header else value
            raise InputError(f"{flag}{f' {shown!r}' if shown else ''}: write it as {form}")
        found[name.strip()] = given_.strip()
    return found or None


def json_object(text: str, flag: str) -> dict[str, Any]:
    """A flag's JSON object. Raises InputError for anything else."""
    import json

    from rlkd_data.errors import InputError

    why = ""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as problem:
        found = None
        if isinstance(problem, json.JSONDecodeError):
            why = f" ({problem.msg} at character {problem.pos + 1})"
    if not isinstance(found, dict):  # it is not shown: fields for a server may hold a key
        raise InputError(f"{flag} is not a JSON object{why}: write it like '{{\"name\": true}}'")
    return found
