"""What is told of a setting is what its field says."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field, PositiveInt

from rlkd_data.config import Settings, runtime
from rlkd_data.run.described import describe, find, plain, reading_order, walk


class Inner(Settings):
    size: int = Field(3, ge=0, le=9, description="how large")
    share: float | None = Field(None, gt=0, le=1, description="of it")


class Base(Settings):
    seed: int = Field(0, description="where it begins")


class Outer(Base):
    inner: Inner = Field(Inner.usual(size=5), description="the inner one")
    maybe: Inner | None = Field(None, description="another")
    kinds: tuple[Literal["a", "b"], ...] = Field(("a",), description="what to take")
    workers: PositiveInt | None = runtime(None, description="processes")
    rate: float = Field(0.5, ge=0, lt=1, description="how fast")
    source: Path = Field(description="where from", examples=["folder"])


def test_a_group_has_its_owners_defaults() -> None:
    inner = find(Outer, "inner.size")
    assert (inner.meaning, inner.default, inner.range, inner.kind) == ("how large", 5, "0 to 9", int)
    assert find(Inner, "size").default == 3
    assert find(Outer, "maybe.size").default == 3 and find(Outer, "maybe").default is None


def test_choices_ranges_and_what_is_required() -> None:
    told = dict(walk(describe(Outer)))
    assert told["kinds"].told == "what to take (any of a, b)" and told["kinds"].many
    assert told["workers"].told == "processes (at least 1)" and told["workers"].runtime
    assert told["inner.share"].range == "above 0 to 1" and told["rate"].range == "0 to below 1"
    assert told["source"].required and told["source"].example == "folder" and told["source"].kind is Path
    assert plain((Path("a"), Path("b"))) == ["a", "b"]


def test_required_ones_come_first_and_groups_last() -> None:
    names = [setting.name for setting in reading_order(describe(Outer))]
    assert names == ["source", "kinds", "workers", "rate", "seed", "inner", "maybe"]


def test_there_is_no_such_setting() -> None:
    with pytest.raises(KeyError):
        find(Outer, "inner.depth")
