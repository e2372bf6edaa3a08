"""A page of many traces, written and opened: `python tests/bench/report_page.py [ROWS]`.

Real texts: GSM8K problems, their solutions as traces and as steps. Beside the figures stand their floors: to write, the
page's bytes once through JSON and to the disk; to open, the browser's own JSON.parse of the page's data.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright

from rlkd_data.report.build import inert_json, write_page
from rlkd_data.schema import DECOMPOSITIONS, TRACES, Decomposition, Sampling, Step, Trace
from rlkd_data.tables import TableWriter

sys.path.insert(0, str(Path(__file__).parents[2]))

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHIPPED = Path(__file__).resolve().parents[2] / "pipelines" / "data" / "gsm8k_quickstart.jsonl"


def fill(folder: Path, count: int) -> None:
    """A traces table, and a decompositions table that rejects every tenth."""
    solutions = [json.loads(line) for line in SHIPPED.read_text("utf-8").splitlines()]
    with TableWriter(folder / "traces", TRACES) as traces, TableWriter(folder / "steps", DECOMPOSITIONS) as steps:
        for number in range(count):
            source = solutions[number % len(solutions)]
            lines = [line for line in re.sub(r"<<[^>]*>>", "", source["solution"]).split("\n") if line.strip()]
            problem, text = f"({number}) {source['problem']}", "\n".join(lines)
            common = (f"t{number}", f"p{number}", problem, "math", source["answer"])
            traces.add(
                Trace(
                    *common,
                    text,
                    "",
                    source["answer"],
                    True,
                    "exact",
                    "gsm8k",
                    "gsm8k",
                    "mit",
                    Sampling(),
                    None,
                    None,
                    None,
                    NOW,
                )
            )
            found, at = [], 0
            for index, line in enumerate(lines, 1):
                found.append(Step(index, "What is known so far goes on.", f"Part {index}?", line, at, at + len(line)))
                at += len(line) + 1
            row = Decomposition(
                *common,
                "bench",
                "p",
                tuple(found),
                source["answer"],
                "ok",
                (),
                text,
                None,
                None,
                NOW,
            )
            if number % 10:
                steps.add(row)
            else:
                steps.reject(replace(row, status="rejected", steps=()), "no_steps", None)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, page_file = Path(place) / "run", Path(place) / "report.html"
        fill(folder, count)
        begun = time.perf_counter()
        data = write_page([folder], page_file, "Many")
        written = time.perf_counter() - begun
        begun = time.perf_counter()
        (Path(place) / "floor").write_text(inert_json(data))
        floor = time.perf_counter() - begun
        print(
            f"{count} rows, {page_file.stat().st_size / 1e6:.1f} MB: written in {written:.2f} s (floor {floor:.2f} s)"
        )
        from tests.support.browser import SYSTEM

        with sync_playwright() as running:
            browser = running.chromium.launch(executable_path=SYSTEM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto("about:blank")
            begun = time.perf_counter()
            page.goto(page_file.as_uri())
            page.wait_for_selector(".item")
            opened = time.perf_counter() - begun
            parse = (
                "() => { const begun = performance.now(); JSON.parse(document.getElementById('data')."
                "textContent); return performance.now() - begun; }"
            )
            print(f"opened in {opened:.2f} s (JSON.parse alone {page.evaluate(parse) / 1000:.2f} s)")
            jump = (
                "() => { const list = document.getElementById('list'), begun = performance.now(); let"
                " n = 0; for (; n < 200; n += 1) { list.scrollTop = (n * list.scrollHeight) / 200; dr"
                "awList(); } return (performance.now() - begun) / n; }"
            )
            print(f"a jump in the list: {page.evaluate(jump):.2f} ms (a frame is 16.7 ms)")
            search = (
                "(words) => { const begun = performance.now(); document.getElementById('search').valu"
                "e = words; view.state.search = words; applyFilters(0); return performance.now() - be"
                "gun; }"
            )
            for name, words in (("first", "eggs"), ("second", "dollars each")):
                print(f"the {name} search: {page.evaluate(search, words):.0f} ms")
            browser.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
