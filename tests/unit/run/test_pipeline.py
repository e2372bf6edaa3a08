"""Pipelines: what is run, what is left alone, and how a wrong file or flag is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from rlkd_data.chat.money import ledger
from rlkd_data.config import CollectSettings, JudgeSettings, Settings, runtime
from rlkd_data.errors import InputError
from rlkd_data.run import pipeline, stage
from rlkd_data.run.identity import read_stage
from rlkd_data.run.lock import locked
from rlkd_data.run.stage import StageResult, StageSpec

CALLS: list[str] = []


class Group(Settings):
    depth: int = 1
    width: int = 2


class CopySettings(Settings):
    """Writes `text`, and what its inputs hold, into a file."""

    text: str = "x"
    inputs: tuple[Path, ...] = ()
    group: Group = Group(width=5)
    speed: int = runtime(1)
    extra_headers: dict[str, SecretStr] = runtime({})


def copy(settings: CopySettings, out: Path) -> StageResult:
    CALLS.append(out.name)
    held = "".join((folder / "text").read_text() for folder in settings.inputs)
    (out / "text").write_text(settings.text + held)
    return StageResult(counts={"ok": len(held)})


@pytest.fixture(autouse=True)
def _one_kind_of_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLS.clear()
    spec = StageSpec("copy", CopySettings, f"{__name__}:copy")
    monkeypatch.setattr(pipeline, "registry", lambda: {"copy": spec})


def write(folder: Path, **stages: dict[str, object]) -> Path:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({"workdir": str(folder / "work"), "stages": stages}, sort_keys=False))
    return path


def three_stages(folder: Path) -> Path:
    return write(
        folder,
        a={"verb": "copy", "text": "a"},
        b={"verb": "copy", "text": "b", "inputs": ["@a"]},
        c={"verb": "copy", "text": "c"},
    )


def test_running_again_does_nothing_again(tmp_path: Path) -> None:
    path = three_stages(tmp_path)
    pipeline.run(pipeline.load(path))
    again = pipeline.run(pipeline.load(path))
    assert CALLS == ["a", "b", "c"]
    assert [o.ran for o in again] == [False, False, False]
    assert [o.result.counts for o in again] == [{"ok": 0}, {"ok": 1}, {"ok": 0}]


def test_a_changed_setting_runs_only_what_depends_on_it(tmp_path: Path) -> None:
    path = three_stages(tmp_path)
    pipeline.run(pipeline.load(path))
    CALLS.clear()
    pipeline.run(pipeline.load(path, ["a.text=A"]))
    assert CALLS == ["a", "b"]
    assert (tmp_path / "work/b/text").read_text() == "bA"


def test_a_runtime_setting_changes_nothing(tmp_path: Path) -> None:
    path = three_stages(tmp_path)
    pipeline.run(pipeline.load(path))
    CALLS.clear()
    pipeline.run(pipeline.load(path, ["a.speed=7"]))
    assert CALLS == []


def test_a_changed_input_file_runs_its_stage_again(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "text").write_text("1")
    path = write(tmp_path, a={"verb": "copy", "inputs": [str(folder)]})
    pipeline.run(pipeline.load(path))
    (folder / "text").write_text("2")
    pipeline.run(pipeline.load(path))
    assert CALLS == ["a", "a"]
    assert (tmp_path / "work/a/text").read_text() == "x2"


def test_an_interrupted_stage_is_taken_up_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, a={"verb": "copy"})
    planned = pipeline.load(path)
    (kept,) = planned.stages

    def dies(settings: CopySettings, out: Path) -> StageResult:
        (out / "half").write_text("kept")
        raise KeyboardInterrupt

    monkeypatch.setattr(f"{__name__}.copy", dies)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(planned)
    assert read_stage(kept.out)["status"] == "running"
    monkeypatch.undo()
    stage.run_stage(kept.spec, kept.settings, kept.out)
    assert (kept.out / "half").read_text() == "kept"
    assert read_stage(kept.out)["status"] == "done"


def test_a_folder_of_other_settings_or_of_somebody_else_is_never_overwritten(tmp_path: Path) -> None:
    spec = pipeline.registry()["copy"]
    stage.run_stage(spec, CopySettings(text="a"), tmp_path / "out")
    with pytest.raises(InputError, match="other settings"):
        stage.run_stage(spec, CopySettings(text="b"), tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("years")
    with pytest.raises(InputError, match="no rlkd stage made"):
        stage.run_stage(spec, CopySettings(), tmp_path / "mine", replace=True)
    assert (tmp_path / "mine/thesis.tex").read_text() == "years"


@pytest.mark.parametrize("where", ["new", "empty", "link", "."])
def test_a_stage_that_made_nothing_leaves_the_folder_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    monkeypatch.chdir(tmp_path / "empty")

    def refuses(settings: CopySettings, out: Path) -> StageResult:
        (out / "rejected").mkdir()
        raise InputError("the true line")

    monkeypatch.setattr(f"{__name__}.copy", refuses)
    out = Path() if where == "." else tmp_path / where
    with pytest.raises(InputError, match="the true line"):
        stage.run_stage(pipeline.registry()["copy"], CopySettings(), out)
    assert out.exists() == (where != "new") and not any((tmp_path / "empty").iterdir())
    assert (tmp_path / "link").is_symlink()


def test_a_pipeline_that_makes_a_folder_anew_remembers_what_was_spent(tmp_path: Path) -> None:
    pipeline.run(pipeline.load(write(tmp_path, a={"verb": "copy"})))
    ledger.save(tmp_path / "work/a", "job", {"dollars": 5})
    (tmp_path / "work/a/part").mkdir()
    pipeline.run(pipeline.load(write(tmp_path, a={"verb": "copy", "text": "other"})))
    assert ledger.job_of(tmp_path / "work/a") == "job" and not (tmp_path / "work/a/part").exists()


def test_a_group_given_in_part_keeps_the_owners_defaults() -> None:
    assert CopySettings.model_validate({"group": {"depth": 3}}).group == Group(depth=3, width=5)


def test_a_bare_yes_in_yaml_is_the_setting_of_that_name() -> None:
    """YAML reads it as true."""
    assert JudgeSettings.model_validate(yaml.safe_load("{kind: llm, model: 'openai:m', yes: 0.6}")).yes == 0.6


def test_defaults_reach_every_setting_of_their_name_and_no_other_use(tmp_path: Path) -> None:
    path = write(tmp_path, a={"verb": "copy"}, b={"verb": "copy", "group": {"depth": 9}, "text": "mine"})
    document = yaml.safe_load(path.read_text()) | {"defaults": {"depth": 4, "text": "ours"}}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    first, second = (s.settings for s in pipeline.load(path).stages)
    assert (first.text, first.group) == ("ours", Group(depth=4, width=5))
    assert (second.text, second.group) == ("mine", Group(depth=9, width=5))
    path.write_text(yaml.safe_dump(document | {"defaults": {"stroe": 1}}))
    with pytest.raises(InputError, match="no stage has a setting 'stroe'"):
        pipeline.load(path)


@pytest.mark.parametrize(
    ("stages", "overrides", "said"),
    [
        ({"a": {"verb": "copi"}}, [], "unknown verb 'copi': did you mean 'copy'?"),
        ({"a": {"verb": "copy", "txt": "1"}}, [], "unknown setting 'txt': did you mean 'text'?"),
        ({"a": {"verb": "copy", "group": {"deph": 1}}}, [], "unknown setting 'group.deph': did you mean 'depth'?"),
        ({"a": {"verb": "copy", "group": {"depth": "deep"}}}, [], "group.depth: Input should be a valid integer"),
        ({"a": {"verb": "copy", "inputs": ["@b"]}}, [], "'@b' names no earlier stage"),
        ({"a": {"verb": "copy"}}, ["b.text=1"], "no stage 'b'"),
        ({"a": {"verb": "copy"}}, ["a.tex=1"], "unknown setting 'tex': did you mean 'text'?"),
        ({"a": {"verb": "copy"}}, ["text=1"], "write it as stage.key=value"),
        ({"a": {"verb": "copy"}}, ["a.text.b"], "write it as key=value"),
        ({"a": 3}, [], "stage a must be a mapping"),
    ],
)
def test_a_wrong_pipeline_is_refused_in_one_line(
    tmp_path: Path, stages: dict[str, dict[str, object]], overrides: list[str], said: str
) -> None:
    with pytest.raises(InputError) as refusal:
        pipeline.load(write(tmp_path, **stages), overrides)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "work").exists()


HEADERS = (
    "{X-Auth: sekret-1, X-Org: '${ORG}', X-Two: &two sekret-2, X-Three: *two}",
    "\n      X-Auth: |\n        sekret-1\n",
)


@pytest.mark.parametrize("headers", HEADERS)
def test_a_pipeline_s_file_holds_no_header(tmp_path: Path, headers: str) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(
        f"workdir: {tmp_path / 'w'}\nstages:\n  a:\n    verb: copy\n    extra_headers: {headers}\n    text: t\n"
    )
    planned = pipeline.load(path, ["a.extra_headers.X-New=sekret-3", "a.speed=3"])
    assert {"sekret-3"} < {one.get_secret_value().strip() for one in planned.stages[0].settings.extra_headers.values()}
    assert (
        "sekret" not in planned.text
        and "a.speed=3" in planned.text
        and "--set 'a.extra_headers.X-New=***'" in planned.text
    )
    read = yaml.safe_load(planned.text)["stages"]["a"]
    assert read["text"] == "t" and read["extra_headers"]["X-Auth"] == "***"
    assert read["extra_headers"].get("X-Org", "${ORG}") == "${ORG}"


@pytest.mark.parametrize(
    ("headers", "overrides", "said"),
    [
        ("'Authorization: Bearer sekret'", [], "extra_headers: Input should be"),
        ("{X-Auth: [sekret]}", [], "extra_headers.X-Auth: Input should be"),
        ("{'X-Auth: sekret': 1}", [], "extra_headers.X-Auth: Input should be"),
        ("{X-Auth: sekret: b}", [], "is not valid YAML"),
        ("{}", ["a.extra_headers=sekret"], "extra_headers: Input should be"),
        ("{}", ["a.extra_headers: X-Auth: sekret"], "write it as key=value"),
        ("{}", ["b.extra_headers.X-Auth=sekret"], "no stage 'b'"),
        ("{X-Auth: b}", ["a.extra_headers.X-Auth.more=sekret"], "has no settings below it"),
        ("{X-Auth: '@sekret', Y: 1}", [], "extra_headers.Y"),
    ],
)
def test_a_refused_header_is_not_shown(tmp_path: Path, headers: str, overrides: list[str], said: str) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(f"stages:\n  a: {{verb: copy, extra_headers: {headers}}}\n")
    with pytest.raises(InputError) as refusal:
        pipeline.load(path, overrides)
    assert said in str(refusal.value) and "sekret" not in str(refusal.value)


def test_yaml_cannot_make_objects(tmp_path: Path) -> None:
    path = tmp_path / "evil.yaml"
    path.write_text("stages: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(InputError, match="not valid YAML"):
        pipeline.load(path)


def test_an_unknown_pipeline_names_the_shipped_ones() -> None:
    with pytest.raises(InputError, match="neither a file nor one of those shipped"):
        pipeline.find("quickstrat")


def test_names_are_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, a={"verb": "copy"})
    pipeline.run(pipeline.load(path, [f"workdir={tmp_path / 'w[/a]'}"]))
    assert "w[/a]/a" in "".join(capsys.readouterr().err.split())


def test_a_word_that_is_also_a_folder_s_name_is_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = StageSpec("collect", CollectSettings, "none:none")
    settings = CollectSettings(
        source="rows.jsonl", split="train", domain="math", keep="best", decontaminate=("b.jsonl",)
    )
    bare = stage.fingerprint(spec, settings)
    for name in ("train", "math", "best"):
        (tmp_path / name).write_text("something else")
    assert stage.fingerprint(spec, settings) == bare
    (tmp_path / "b.jsonl").write_text("{}")
    assert stage.fingerprint(spec, settings) != bare


class AskSettings(CopySettings):
    base_url: str | None = None
    judge: JudgeSettings = JudgeSettings()


def test_servers_behind_the_first_may_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = StageSpec("ask", AskSettings, f"{__name__}:copy")

    def asking(url: str, judge: str = "http://j:1/v1") -> AskSettings:
        return AskSettings(base_url=url, judge=JudgeSettings(base_url=judge))

    def ran(settings: AskSettings, out: str = "a") -> bool:
        return stage.run_stage(spec, settings, tmp_path / out)[1]

    def stopped(settings: CopySettings, out: Path) -> StageResult:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(f"{__name__}.copy", stopped)
        ran(asking("http://a:1/v1"))
    for first in ("http://b:1/v1 http://a:1/v1", "http://b:1/v1"):
        with pytest.raises(InputError, match="other settings"):
            ran(asking(first))
    assert ran(asking("http://a:1/v1 http://b:1/v1", "http://j:1/v1 http://k:1/v1"))  # the interrupted one goes on
    assert not ran(asking("http://a:1/v1")) and not ran(asking("http://a:1/v1 http://c:1/v1"))
    with pytest.raises(InputError, match="other settings"):
        ran(asking("http://a:1/v1", "http://k:1/v1"))


def test_a_pipeline_takes_a_training_further_and_never_clears_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trains(settings: CopySettings, out: Path) -> StageResult:
        (out / "model").mkdir(exist_ok=True)
        with (out / "model/weights").open("a") as file:
            file.write(f"{settings.group.depth} {settings.text};")
        return StageResult(counts={"ok": 1})

    class Longer(CopySettings):
        steps: int = 2

    monkeypatch.setattr(f"{__name__}.copy", trains)
    spec = StageSpec("copy", Longer, f"{__name__}:copy", grows=("steps",), keeps=("model",))
    monkeypatch.setattr(pipeline, "registry", lambda: {"copy": spec})
    weights = tmp_path / "work/a/model/weights"
    for steps, rounds in ((2, 1), (2, 1), (4, 2), (4, 2)):
        pipeline.run(pipeline.load(write(tmp_path, a={"verb": "copy", "steps": steps})))
        assert weights.read_text() == "1 x;" * rounds
    refused = [
        ({"steps": 3}, "finished with steps: 4, and steps is 3 now"),
        ({"steps": 6, "text": "y", "group": {"depth": 2}}, r"with other settings \(text, group.depth, steps\)"),
        (
            {"group": {"depth": 2, "width": 5}, "steps": 4},
            r"\(group.depth\): take another folder .* `model: .*/a`",
        ),
    ]
    for values, said in refused:
        with pytest.raises(InputError, match=said):
            pipeline.run(pipeline.load(write(tmp_path, a={"verb": "copy"} | values)))
    assert weights.read_text() == "1 x;1 x;"
    assert read_stage(tmp_path / "work/a")["settings"]["steps"] == 4


def test_only_some_stages_are_run_while_another_process_runs_others(tmp_path: Path) -> None:
    loaded = pipeline.load(three_stages(tmp_path))
    pipeline.run(loaded, ["a"])
    with locked(tmp_path / "work" / "c"):
        outcomes = pipeline.run(loaded, ["[ab]"])
    assert CALLS == ["a", "b"]
    assert [(outcome.stage.name, outcome.ran) for outcome in outcomes] == [("a", False), ("b", True)]


def test_only_a_stage_that_there_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--only d: pipeline small has no such stage"):
        pipeline.run(pipeline.load(three_stages(tmp_path)), ["a", "d"])
    assert CALLS == []
