"""The house's rules about imports: one direction between the packages, and nothing heavy before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = frozenset({"torch", "transformers", "trl", "vllm", "datasets", "peft", "accelerate", "ray"})
PARQUET = frozenset({"pyarrow.parquet"})


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
    assert not roots(imported(path, everywhere=False)) & HEAVY


@pytest.mark.parametrize("package", ["rlkd_data", "rlkd_train"])
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
