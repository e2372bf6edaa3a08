"""Builds the page: the template with its style, its script and its data inside, so that it needs nothing else.

Every text of a table is data: it travels as JSON whose angle brackets are escaped, and the script puts it on the page
as text nodes alone. A content security policy with the script's and the style's own hashes lets nothing else run.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlkd_data import __version__
from rlkd_data.config import ReportSettings
from rlkd_data.report.gather import gather
from rlkd_data.stage import StageResult

_HERE = Path(__file__).parent


def report(settings: ReportSettings, out: Path) -> StageResult:
    """The stage: `out/report.html`."""
    page = out / "report.html"
    data = write_page(settings.tables, page, settings.title)
    return StageResult({}, {"page": str(page), "rows": len(data["rows"])})


def write_page(folders: Sequence[Path], page: Path, title: str) -> dict[str, Any]:
    """Write the page for these folders; returns what is on it. Raises InputError for a folder that is neither."""
    data = gather(folders) | {"title": title, "made_at": datetime.now(UTC).isoformat(timespec="seconds")}
    page.parent.mkdir(parents=True, exist_ok=True)
    temporary = page.with_name(f".{page.name}.tmp")
    temporary.write_text(render(data, title), encoding="utf-8", errors="replace")
    temporary.replace(page)
    return data


def render(data: dict[str, Any], title: str) -> str:
    """The page as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    style = (_HERE / "page.css").read_text(encoding="utf-8")
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html.j2").render(
        title=title,
        version=__version__,
        style=Markup(style),
        script=Markup(script),
        style_hash=sha256(style),
        script_hash=sha256(script),
        data=Markup(inert_json(data)),
    )


def inert_json(data: Any) -> str:
    """JSON that cannot end the script element it stands in, nor begin a comment or an entity there."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def sha256(text: str) -> str:
    """A source's hash as a content security policy writes it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
