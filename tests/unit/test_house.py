"""The house's rules about imports: one direction between the packages, no circles, and nothing heavy before it is
needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rlkd_data", "rlkd_train")
HEAVY = frozenset({"torch", "transformers", "trl", "vllm", "datasets", "peft", "accelerate", "ray"})
ENGINE = frozenset({"rlkd_data.chat.backends.packed", "rlkd_data.chat.backends.rolling"})
"""Parts of the local model's engine, made of torch's and transformers' own classes: as heavy as those."""
PARQUET = frozenset({"pyarrow.parquet"})
OUTSIDE = frozenset({"asyncio", "io", "multiprocessing", "os", "pathlib", "resource", "selectors", "shutil", "signal"})
OUTSIDE |= {"socket", "sqlite3", "subprocess", "tempfile", "threading"}
"""Modules of the standard library through which code reaches files, processes and other machines."""


def modules(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert len(found) > 10
    return found


def imported(path: Path, *, everywhere: bool) -> Iterator[str]:
    """The modules that a file imports: all of them, or those that importing the file itself brings in (the top level,
    but for `if TYPE_CHECKING`)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree)) if everywhere else list(_top_level(tree.body))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _top_level(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, ast.If):
            if "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from _top_level([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _top_level([*node.body, *node.orelse, *node.finalbody])
        else:
            yield node


def roots(names: Iterator[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", modules("rlkd_data"), ids=lambda path: str(path.relative_to(ROOT)))
def test_data_never_imports_train_and_nothing_heavy_at_import_time(path: Path) -> None:
    assert "rlkd_train" not in roots(imported(path, everywhere=True))
    now = set(imported(path, everywhere=False))
    assert not now & ENGINE
    if ".".join(path.relative_to(ROOT).with_suffix("").parts) not in ENGINE:
        assert not roots(iter(now)) & HEAVY


@pytest.mark.parametrize("package", PACKAGES)
def test_only_tables_reads_and_writes_parquet(package: str) -> None:
    users = {path.name for path in modules(package) if set(imported(path, everywhere=True)) & PARQUET}
    assert users == ({"tables.py"} if package == "rlkd_data" else set())


def test_structure_is_pure() -> None:
    """Nothing in it may read a file, ask a model or know a table."""
    allowed = {"rlkd_data.schema", "rlkd_data.structure", "rlkd_data.errors"}
    for path in sorted((ROOT / "rlkd_data/structure").glob("*.py")):
        names = {name for name in imported(path, everywhere=True) if name.startswith("rlkd_")}
        assert all(any(name.startswith(room) for room in allowed) for name in names), path
        assert not roots(imported(path, everywhere=True)) & {"os", "pathlib", "io", "sqlite3", "socket", "asyncio"}


def test_answers_are_pure_but_for_the_pool_and_the_sandbox() -> None:
    """verify.py holds the pool of workers.py, grading.py runs in them, sandbox*.py are the sandbox, which looks whose
    process left a folder behind."""
    allowed = ("rlkd_data.answers", "rlkd_data.schema", "rlkd_data.errors")
    sandbox = {"sandbox.py", "sandbox_init.py", "sandbox_mounts.py", "sandbox_watch.py"}
    reaching = set()
    for path in sorted((ROOT / "rlkd_data/answers").glob("*.py")):
        names = {name for name in imported(path, everywhere=True) if name.startswith("rlkd_")}
        more = ("rlkd_data.run",) if path.name in sandbox else ()
        assert all(name.startswith((*allowed, *more)) for name in names), path
        if roots(imported(path, everywhere=True)) & OUTSIDE:
            reaching.add(path.name)
    assert reaching == {"verify.py", "workers.py", "grading.py", *sandbox}


def module_graph(root: Path, *packages: str) -> dict[str, dict[str, int]]:
    """What each module imports, wherever in it, and in which line. A package is its `__init__`; `from package import
    module` is an import of the module."""
    files = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
    }
    graph: dict[str, dict[str, int]] = {name: {} for name in files}
    for name, path in files.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found: list[str] = []
            if isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}:{node.lineno} is relative: imports name the module in full"
                inside = (f"{node.module}.{alias.name}" for alias in node.names)
                found = [one if one in files else str(node.module) for one in inside]
            for one in found:
                if one in files and one != name:
                    graph[name].setdefault(one, node.lineno)
    return graph


def circle(graph: Mapping[str, Mapping[str, int]]) -> str:
    """A circle in the graph as people read it, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        way = error.args[1][::-1]  # graphlib names the imported before the importing
        steps = (f"{a} imports {b} (line {graph[a][b]})" for a, b in pairwise(way))
        return ", ".join(steps)
    return ""


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions and under TYPE_CHECKING count: they hide a circle, they do not open it. What two
    modules share belongs in a third, below both."""
    found = circle(module_graph(ROOT, *PACKAGES))
    assert not found, found


@pytest.mark.parametrize(
    "back",
    [
        "from p.a import X",
        "def f():\n    from p import a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.a",
    ],
)
def test_a_circle_is_found_wherever_it_hides(back: str, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p/__init__.py").write_text("from p.a import X\n", "utf-8")
    (tmp_path / "p/a.py").write_text("from p import b\nX = 1\n", "utf-8")
    (tmp_path / "p/b.py").write_text("import json\n", "utf-8")
    assert circle(module_graph(tmp_path, "p")) == ""
    (tmp_path / "p/b.py").write_text(back, "utf-8")
    line = back.count("\n") + 1
    told = {"p.a imports p.b (line 1)", f"p.b imports p.a (line {line})"}
    assert set(circle(module_graph(tmp_path, "p")).split(", ")) == told


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_at_the_top_is_named_like_one_of_the_standard_library(package: str) -> None:
    """Inside a room the folder makes it plain: `chat/types.py`."""
    names = {path.stem for path in (ROOT / package).iterdir()}
    assert not names & sys.stdlib_module_names


@pytest.mark.parametrize(("module", "program"), [("rlkd_data.cli", "rlkd-data"), ("rlkd_train.cli", "rlkd-train")])
def test_help_imports_neither_torch_nor_trl(module: str, program: str) -> None:
    script = (
        f"import sys; sys.argv = ['{program}', '--help']\n"
        f"import atexit; atexit.register(lambda: print(sorted(set(sys.modules) & {set(HEAVY)!r}), file=sys.stderr))\n"
        f"from {module} import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Usage: " in done.stdout and program in done.stdout
    assert done.stderr.strip() == "[]"


def test_no_two_files_of_tests_have_one_name() -> None:
    """pytest imports them by it: of two, one is not run, and stops a whole run at its end."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
