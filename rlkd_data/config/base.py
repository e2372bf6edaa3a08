"""What all settings have in common.

A field marked `runtime()` changes how fast or where a stage works, never what comes out, so it is left out of the
stage's fingerprint; one marked `later()` came when there were runs already. Descriptions and examples are what the
pages of help, docs/settings.md and the files of `rlkd-train init` say.
"""

from __future__ import annotations

from typing import Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator


def runtime(default: Any, **more: Any) -> Any:
    """A setting that cannot change a stage's output."""
    return Field(default, json_schema_extra={"runtime": True}, **more)


def later(default: Any, **more: Any) -> Any:
    """A setting that came when there were runs already: while it stands at its default it is no part of a stage's
    fingerprint."""
    return Field(default, json_schema_extra={"later": True}, **more)


class Settings(BaseModel):
    """Base of all settings: an unknown key is an error, and nothing changes after loading.

    A nested group that is given in part keeps the owner's defaults for the rest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)

    @classmethod
    def usual(cls, **values: Any) -> Self:
        """An instance to stand as a field's default. It is not validated (a test does that): a validator takes longer
        to build than a page of help may take."""
        return cast(Self, cls.model_construct(**values))

    @model_validator(mode="before")
    @classmethod
    def _fill_groups(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = {"yes" if name is True else name: value for name, value in values.items()}  # YAML's bare `yes`
        groups = {name: info.default for name, info in cls.model_fields.items() if isinstance(info.default, BaseModel)}
        return {
            name: groups[name].model_dump() | value if name in groups and isinstance(value, dict) else value
            for name, value in values.items()
        }


def groups(annotation: Any) -> list[type[Settings]]:
    """The settings classes that a field's annotation allows."""
    kinds = (annotation, *getattr(annotation, "__args__", ()))
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Settings)]
