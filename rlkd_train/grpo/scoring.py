"""What scores a run's completions, as its settings say: nobody is opened whom they do not ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rlkd_data.schema import Decomposition
from rlkd_train.config import GrpoSettings
from rlkd_train.problems import Task
from rlkd_train.reward.accuracy import open_verifier
from rlkd_train.reward.components import Scoring
from rlkd_train.reward.own import OwnReward
from rlkd_train.reward.structure import StructureReward
from rlkd_train.served import scoring_apart


@contextmanager
def open_scoring(
    settings: GrpoSettings,
    tasks: Sequence[Task],
    teachers: Mapping[str, Sequence[Decomposition]],
    reasonings: Mapping[str, str],
    out: Path,
) -> Iterator[Scoring]:
    """The scoring of `tasks` for the run in `out`, while its models are open. Raises InputError where one cannot be
    opened, or a reward of the user's own cannot be imported."""
    own = [OwnReward(one) for one in settings.rewards]
    asks = settings.asks_structure
    structure = StructureReward(scoring_apart(settings.structure, out), teachers) if asks else nullcontext()
    with structure as asked, open_verifier(settings) as verifier:
        yield Scoring(
            asked,
            verifier,
            tasks,
            settings.weights,
            settings.guards,
            reasonings,
            teachers=teachers,
            shaping=settings.shaping,
            longest=settings.max_completion,
            measure=settings.measure,
            own=own,
        )
