"""Where `rlkd-train` begins."""

from __future__ import annotations

from rlkd_data.entry import command


def main() -> None:
    command("rlkd_train.cli")
