"""The page's HTML, read as a browser reads it, without one."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from rlkd_data.config import ReportSettings
from rlkd_data.errors import InputError
from rlkd_data.report.build import _PAGE, inert_json, report, write_page
from tests.support.report_rows import (
    HOSTILE,
    completion,
    decomposed,
    sample,
    trace,
    write_decompositions,
    write_evaluation,
    write_run,
    write_traces,
)


class Page(HTMLParser):
    """A page's elements, each as [tag, attributes, the text before its end or its first child]."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.is_open = [], False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append([tag, dict(attributes), ""])
        self.is_open = True

    def handle_endtag(self, tag):
        self.is_open = False

    def handle_data(self, text):
        if self.is_open:
            self.elements[-1][2] += text

    def all(self, tag):
        return [(attributes, text) for name, attributes, text in self.elements if name == tag]

    @property
    def policy(self):
        [content] = [a["content"] for a, _ in self.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
        return {part.split()[0]: part.split()[1:] for part in content.split(";")}


@pytest.fixture
def hostile(tmp_path):
    """A page about rows whose every text tries to become markup."""
    row = trace("t1", problem=HOSTILE, reasoning=HOSTILE + " 2", teacher=HOSTILE)
    steps = decomposed(row, (), raw=HOSTILE)
    write_traces(tmp_path / "traces", [row])
    write_decompositions(tmp_path / "steps", [], [(steps, "no_steps")])
    write_run(tmp_path / "grpo", [{"step": 1, HOSTILE: 1.0}], [completion(1, "p", HOSTILE, unscored=HOSTILE)])
    write_evaluation(tmp_path / "eval", [sample("p", True, HOSTILE)], **{HOSTILE: 1.0})
    page = tmp_path / "report.html"
    return write_page([tmp_path], page, HOSTILE), page.read_text(encoding="utf-8")


def test_a_hostile_row_adds_no_element(hostile):
    _, html = hostile
    page = Page(html)
    assert len(page.all("script")) == 2
    assert not page.all("img")
    assert "<img" not in html
    assert html.count("</script>") == 2
    assert page.all("title")[0][1] == HOSTILE


def test_the_data_reads_back_as_it_was(hostile):
    told, html = hostile
    [text] = [text for attributes, text in Page(html).all("script") if attributes.get("id") == "data"]
    assert json.loads(text) == json.loads(json.dumps(told))
    assert json.loads(text)["rows"][0]["problem"] == HOSTILE
    assert not set(text) & set("<>&\u2028\u2029")


def test_the_policy_allows_this_script_and_this_style_and_nothing_else(hostile):
    page = Page(hostile[1])
    assert page.policy["default-src"] == ["'none'"]
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        [source] = [text for attributes, text in page.all(tag) if attributes.get("type") != "application/json"]
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert page.policy[directive] == [f"'sha256-{digest}'"]
    assert page.policy["require-trusted-types-for"] == ["'script'"]


def test_the_page_names_nothing_to_load(hostile):
    page = Page(hostile[1])
    links = [a[name] for _, a, _ in page.elements for name in ("src", "href", "srcset", "action") if name in a]
    assert all(link.startswith(("#", "data:")) for link in links)
    style = (_PAGE / "page.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_the_scripts_make_no_markup_out_of_text():
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc|fetch\("
    for script in _PAGE.glob("*.js"):
        assert not re.search(forbidden, script.read_text(encoding="utf-8")), script.name


def test_every_script_of_the_page_is_on_it(hostile):
    for script in _PAGE.glob("*.js"):
        assert script.read_text(encoding="utf-8") in hostile[1], script.name


def test_json_holds_numbers_that_json_does_not_have_as_null():
    assert inert_json({"a": [float("nan"), float("inf"), 1.5]}) == '{"a":[null,null,1.5]}'


def test_json_carries_a_broken_surrogate():
    assert json.loads(inert_json("\ud800 😀")) == "\ud800 😀"


def test_the_stage_writes_report_html(tmp_path):
    write_traces(tmp_path / "traces", [trace("t1")])
    result = report(ReportSettings(tables=(tmp_path / "traces",), title="A title"), tmp_path / "out")
    assert result.figures == {"page": str(tmp_path / "out" / "report.html"), "rows": 1}
    assert "A title" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.html"]


def test_a_folder_is_no_file_to_write_to(tmp_path):
    write_traces(tmp_path / "traces", [trace("t1")])
    with pytest.raises(InputError, match=r"report\.html"):
        write_page([tmp_path / "traces"], tmp_path, "t")
