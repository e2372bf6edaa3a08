"""What a run needs of the memory of each of its devices, and whether activations are computed again for want of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlkd_data.chat.backends.models import resolve
from rlkd_data.errors import InputError
from rlkd_train.config import DistillSettings, GrpoSettings, TrainSettings
from rlkd_train.memory import FLOAT, HALF, Load, fits, moments, parts, room, shape_of, weights_of, whole
from rlkd_train.student import in_bfloat16

_CARDS = (2, 4, 8, 16)
"""Over which a model is spread, where it is too large for one."""
_VLLM_SHARE = 0.3
"""TRL's, of the device that vLLM shares with the training."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes by part on each of `count` devices, of which the one here (`device`) has `room` free."""

    parts: Mapping[str, int]
    device: str
    room: int
    checkpointing: bool

    @property
    def fits(self) -> bool:
        return fits(self.parts, self.room)


def needs_of(settings: TrainSettings, longest: int, count: int, shards: int = 1) -> Needs:
    """What a run in `count` processes needs. `longest` are the tokens of the longest prompt (GRPO, distillation) or row
    (SFT), `shards` the processes that the weights are spread over. Activations are computed again where the settings
    say so, or leave it to what fits."""
    device, free = room()
    if device == "CPU":
        free //= count  # they share it
    load = replace(load_of(settings, longest, count), shards=shards, buckets=count > 1 and shards == 1)
    shape, beside = shape_of(settings, _weights(settings.model)), _beside(settings)
    kept = parts(shape, load, checkpointing=False) | beside
    again = settings.checkpointing == "on" or (settings.checkpointing == "auto" and not fits(kept, free))
    return Needs(parts(shape, load, checkpointing=True) | beside if again else kept, device, free, again)


def load_of(settings: TrainSettings, longest: int, count: int) -> Load:
    """What a run asks of each of `count` devices."""
    bits = settings.lora.quantise
    every = Load(
        tokens=longest,
        sequences=1,
        half=in_bfloat16(settings),
        adapter=settings.lora.r > 0,
        moments=moments(str(settings.trl.get("optim") or "adamw")),
        bits=int(bits[0]) if bits else None,
    )
    if not isinstance(settings, (GrpoSettings, DistillSettings)):
        from rlkd_train.sft.arguments import shared as shared_sft

        return replace(every, sequences=shared_sft(settings, count)[0])
    micro_batch, accumulate = _shared(settings, count)
    at_once = settings.drawn_at_once // count if isinstance(settings, GrpoSettings) else micro_batch * accumulate
    return replace(
        every,
        tokens=longest + settings.max_completion,
        sequences=micro_batch,
        drawn=0 if settings.trl.get("use_vllm") else at_once,
        reference=isinstance(settings, GrpoSettings) and settings.beta > 0 and not settings.lora.r,
    )


def _shared(settings: GrpoSettings | DistillSettings, count: int) -> tuple[int, int]:
    from rlkd_train.distill.arguments import shared as shared_distill
    from rlkd_train.grpo.arguments import shared

    return shared(settings, count) if isinstance(settings, GrpoSettings) else shared_distill(settings, count)


def check_fits(settings: TrainSettings, longest: int, count: int, shards: int) -> None:
    """Raises InputError for a run that has no room on this device, with the smallest change that would have it fit."""
    needs = needs_of(settings, longest, count, shards)
    if needs.fits:
        return
    change = next((told for told, found in _changes(settings, longest, count, shards) if found.fits), None)
    needed, free = sum(needs.parts.values()) / 2**30, needs.room / 2**30
    raise InputError(
        f"about {needed:,.3g} GiB are needed on {needs.device}, where {free:,.3g} GiB are free: "
        + (change or "no setting of this run makes it fit; take a smaller model")
    )


def _changes(settings: Any, longest: int, count: int, shards: int) -> Iterator[tuple[str, Needs]]:
    """What would take less, the least change first."""

    def changed(**more: Any) -> Any:
        return settings.model_copy(update=more)

    if settings.checkpointing == "off":
        yield "set checkpointing to auto", needs_of(changed(checkpointing="on"), longest, count, shards)
    smaller, micro_batch = settings, settings.optim.micro_batch
    while micro_batch > 1:
        micro_batch //= 2
        optim = settings.optim.model_copy(
            update={
                "micro_batch": micro_batch,
                "accumulate": settings.optim.accumulate * settings.optim.micro_batch // micro_batch,
            }
        )
        smaller = changed(optim=optim, checkpointing="on")
        yield f"set optim.micro_batch to {micro_batch}", needs_of(smaller, longest, count, shards)
    if not settings.lora.r:
        lora = settings.lora.model_copy(update={"r": 16})
        yield "train an adapter: lora.r 16", needs_of(changed(lora=lora, checkpointing="on"), longest, count, shards)
    for cards in _CARDS:
        if cards > max(count, shards):
            try:
                found = needs_of(smaller, longest, cards, cards)
            except InputError:  # a step cannot be shared by so many
                continue
            yield f"take {cards} cards: rlkd-train launch … --processes {cards} --accelerate fsdp2", found


def _beside(settings: TrainSettings) -> dict[str, int]:
    """What else is on the same device: models that score in this process, the teacher of a distillation, and vLLM,
    which takes its share of the device for weights and cache of its own."""
    width = HALF if in_bfloat16(settings) else FLOAT
    found = {}
    if settings.trl.get("use_vllm") and settings.trl.get("vllm_mode", "colocate") == "colocate":
        found["vLLM"] = int(float(settings.trl.get("vllm_gpu_memory_utilization", _VLLM_SHARE)) * whole())
    if isinstance(settings, DistillSettings) and settings.teacher_url is None:
        found["teacher"] = weights_of(_weights(settings.teacher)) * width
    if not isinstance(settings, GrpoSettings) or not settings.asks_structure:
        return found
    judge = settings.structure.judge
    names = {"gsrm": settings.structure.gsrm, "judge": judge.model if judge.kind.startswith("llm") else None}
    for part, name in names.items():
        if name is not None and name.startswith("local:"):
            with suppress(InputError):  # the world's GSRM has no weights; of one that is not there its client speaks
                found[part] = weights_of(_weights(name)) * width
    return found


def _weights(model: str) -> Path:
    found = resolve(model.removeprefix("local:"))
    return found.base.path if found.base else found.path
