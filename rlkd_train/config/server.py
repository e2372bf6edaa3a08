"""The settings of `rlkd-train reward-server`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, PositiveInt

from rlkd_data.config import Settings
from rlkd_train.config.structure import StructureSettings


class RewardServerSettings(Settings):
    """`rlkd-train reward-server`: the structure reward over HTTP."""

    decompositions: tuple[Path, ...] = Field(
        description="tables with the teachers' decompositions of the problems", examples=[["runs/steps"]]
    )
    structure: StructureSettings = Field(StructureSettings.usual(), description="how structure is scored")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8900, ge=0, le=65535, description="port to listen on; 0: one that is free")
    max_megabytes: float = Field(64.0, gt=0, description="megabytes that a request's body may have")
    max_completions: PositiveInt = Field(65_536, description="completions that a request may bring")
    shutdown_timeout: float = Field(60.0, gt=0, description="seconds from a SIGTERM to the end, whatever clients do")
    token_env: str | None = Field(
        None, description="variable with the token that requests must bring; needed beyond 127.0.0.1"
    )
    header_timeout: float = Field(
        30.0, gt=0, description="seconds that a request's headers may take to arrive, and that a connection may idle"
    )
    body_timeout: float = Field(
        60.0, gt=0, description="seconds that a request's body may take to arrive, and its response to be taken"
    )
