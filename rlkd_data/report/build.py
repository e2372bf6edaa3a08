"""Builds the page: the template with its style, its script and its data inside, so that it needs nothing else.

Every text of a table is data: it travels as JSON whose angle brackets are escaped, and the script puts it on the page
as text nodes alone. A content security policy with the script's and the style's own hashes lets nothing else run, and
forbids the script to make markup out of text.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlkd_data import __version__
from rlkd_data.config import ReportSettings
from rlkd_data.errors import InputError
from rlkd_data.files import sweep, whole_file
from rlkd_data.report.gather import gather
from rlkd_data.run.stage import StageResult

_PAGE = Path(__file__).parent / "page"
_SCRIPTS = (
    *("dom.js", "charts.js", "overview.js", "measured.js", "training.js", "curves.js"),
    *("viewer.js", "trace.js", "tree.js", "align.js", "student.js", "samples.js", "main.js"),
)
"""The parts of the page's one script, in order."""
_DATA = "<!--data-->"
"""Where the data go; no title holds it, for its brackets are escaped."""


def report(settings: ReportSettings, out: Path) -> StageResult:
    """The stage: `out/report.html`."""
    page = out / "report.html"
    data = write_page(
        settings.tables, page, settings.title, settings.arms, seeds=settings.seeds, megabytes=settings.megabytes
    )
    return StageResult({}, {"page": str(page), "rows": len(data["rows"])})


def write_page(
    folders: Sequence[Path],
    page: Path,
    title: str,
    arms: Mapping[str, Sequence[Path]] | None = None,
    *,
    seeds: bool = False,
    megabytes: float | None = None,
) -> dict[str, Any]:
    """Write the page for these folders; returns what is on it. `arms`, `seeds` and `megabytes` are `gather`'s. Raises
    InputError for a folder that holds nothing of ours, and for a `page` that is a folder."""
    if page.is_dir():
        raise InputError(f"{page} is a folder: name the HTML file to write, for example {page / 'report.html'}")
    data = gather(folders, arms, seeds=seeds, megabytes=megabytes) | {
        "title": title,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    page.parent.mkdir(parents=True, exist_ok=True)
    sweep(page.parent, page.name)
    with whole_file(page) as stream:
        for piece in html(data, title):
            stream.write(piece.encode("utf-8", "replace"))
    return data


def html(data: dict[str, Any], title: str) -> Iterator[str]:
    """The page in pieces: its data take some hundred megabytes, and as one text they would take as much again."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    style = (_PAGE / "page.css").read_text(encoding="utf-8")
    script = '"use strict";\n' + "\n".join((_PAGE / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    environment = Environment(loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined)
    around = environment.get_template("page.html.j2").render(
        title=title,
        version=__version__,
        style=Markup(style),
        script=Markup(script),
        style_hash=sha256(style),
        script_hash=sha256(script),
        data=Markup(_DATA),
    )
    before, _, after = around.partition(_DATA)
    yield before
    yield from _inert_pieces(data)
    yield after


def _inert_pieces(data: dict[str, Any]) -> Iterator[str]:
    """`inert_json` of an object that is not empty; its lists item by item."""
    for number, (name, value) in enumerate(data.items()):
        yield f"{',' if number else '{'}{inert_json(name)}:"
        if not isinstance(value, list):
            yield inert_json(value)
            continue
        yield "["
        for place, item in enumerate(value):
            yield f"{',' if place else ''}{inert_json(item)}"
        yield "]"
    yield "}"


def inert_json(data: Any) -> str:
    """JSON that cannot end the script element it stands in, nor begin a comment or an entity there; in ASCII, which
    carries any text whole, broken surrogates too. Numbers that JSON does not have (a loss that became NaN) are null."""
    text = json.dumps(_finite(data), ensure_ascii=True, separators=(",", ":"), default=str, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def sha256(text: str) -> str:
    """A source's hash as a content security policy writes it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
