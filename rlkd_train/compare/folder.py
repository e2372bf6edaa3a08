"""The folder of a comparison: a page, its values, its plots."""

from __future__ import annotations

import json
from pathlib import Path

from rlkd_data.files import write_whole
from rlkd_train.compare.curves import draw as draw_curves
from rlkd_train.compare.curves import points
from rlkd_train.compare.plots import draw
from rlkd_train.compare.run import Comparison
from rlkd_train.compare.written import markdown

JSON = "compare.json"
"""The comparison's values; `rlkd-data report` knows the folder by it."""


def write(found: Comparison, out: Path) -> list[Path]:
    """Write compare.json, compare.md, compare.svg and compare.png, and where runs were evaluated on the way curves.svg
    and curves.png; returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    plots = draw(found, out)
    if over_training := points(found.arms):
        plots += draw_curves(over_training, out)
    write_whole(out / JSON, json.dumps(found.as_json(), ensure_ascii=False, indent=1) + "\n")
    title = " and ".join(arm.name for arm in found.arms) if len(found.arms) < 4 else f"{len(found.arms)} arms"
    write_whole(
        out / "compare.md", markdown(found, f"{title}, compared", [name for name in plots if name.endswith("svg")])
    )
    return [out / name for name in (JSON, "compare.md", *plots)]
