"""Which problems of rlkd's own world are made, and how they are solved."""

from __future__ import annotations

from pydantic import Field, PositiveInt, model_validator

from rlkd_data.config.base import Settings
from rlkd_data.world.names import OPERATIONS, Operation, Style


class WorldSettings(Settings):
    """Problems of rlkd's own world, in which the truth of every step is known (`source: world`)."""

    size: PositiveInt = Field(1000, description="problems that are made")
    seed: int = Field(0, description="another seed, other problems")
    styles: tuple[Style, ...] = Field(
        ("first",),
        min_length=1,
        description="in which order a teacher works: a thing's first part before its second, the other way round, by "
        "chance, or upward from what is known; of several, one after the other for a problem's traces",
    )
    needed: tuple[int, int] = Field((4, 6), description="steps that a problem takes, from and to")
    distractors: tuple[int, int] = Field((1, 2), description="things that could be worked out as well, for nothing")
    things: int = Field(12, ge=4, le=12, description="things of a problem, at most")
    modulus: int = Field(
        35, ge=2, le=199, description="where the scale starts again: a guess is right 1 in so many times"
    )
    operations: tuple[Operation, ...] = Field(
        OPERATIONS, min_length=1, description="what a thing can do with its second part"
    )

    @model_validator(mode="after")
    def _there_is_room(self) -> WorldSettings:
        for name, (low, high), least in (("needed", self.needed, 1), ("distractors", self.distractors, 0)):
            if not least <= low <= high:
                raise ValueError(
                    f"{name} is from {low} to {high}: give two numbers, the smaller first, from {least} on"
                )
        if self.needed[1] + self.distractors[1] + 2 > self.things:
            raise ValueError(
                f"needed {self.needed[1]} and distractors {self.distractors[1]} leave fewer than two of {self.things} "
                "things whose weight is given: make fewer of them"
            )
        return self
