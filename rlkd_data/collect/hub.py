"""The records of a Hub data set, streamed, with the commit and the licence that they come under."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rlkd_data.collect.adapters.base import Record
from rlkd_data.errors import InputError, RlkdError, first_line
from rlkd_data.run.progress import say


@dataclass(frozen=True)
class HubRows:
    """`origin` is `repository@commit`; `license` is what the data set's card says, null where it says nothing."""

    records: Iterator[tuple[str, Record]]
    origin: str
    license: str | None


def hub_rows(repo: str, config: str | None, split: str, revision: str | None) -> HubRows:
    """Open a Hub data set. Raises InputError where it cannot be read; a connection that is lost later raises RlkdError,
    since the same command goes on."""
    from datasets import load_dataset
    from huggingface_hub import HfApi, utils
    from huggingface_hub.errors import HfHubHTTPError

    httpx = utils.httpx  # type: ignore[attr-defined]  # the edition of it that this library speaks through

    try:
        info = HfApi().dataset_info(repo, revision=revision)
        rows = load_dataset(repo, config, split=split, revision=info.sha, streaming=True)
    except ValueError as problem:  # an unknown configuration or split: the message lists those that there are
        raise InputError(f"Hub data set {repo!r}: {' '.join(str(problem).split())}") from None
    except (HfHubHTTPError, httpx.HTTPError, OSError) as problem:
        raise InputError(
            f"Hub data set {repo!r} cannot be read: {first_line(problem)} (check the name, the revision and the "
            "network, or give a local file)"
        ) from None

    def records() -> Iterator[tuple[str, Record]]:
        number, broken = 0, ""
        stream = iter(rows)
        try:
            for number, record in enumerate(stream, 1):
                yield f"{repo} {split} row {number}", record
        except (HfHubHTTPError, httpx.HTTPError, OSError) as problem:
            broken = first_line(problem)
        finally:
            # Arrow's threads must end before Python does, else the process aborts as it leaves. They live as long as
            # the scan that the stream holds, also by way of an exception's traceback: so none is kept here.
            stream.close()
            del stream
            gc.collect()
        if broken:
            raise RlkdError(
                f"Hub data set {repo!r} broke off after row {number}: {broken}; what was read is kept, and the same "
                "command goes on"
            )

    return HubRows(records(), f"{repo}@{info.sha}", _license(info.card_data))


def hub_license(address: str) -> str | None:
    """What the card of the data set says whose files stand at `hf://datasets/ORG/NAME…`; None for another address, and
    where nobody can be asked."""
    found = re.fullmatch(r"hf://datasets/([^/@]+/[^/@]+)(?:@([^/]+))?(?:/.*)?", address)
    if found is None:
        return None
    from huggingface_hub import HfApi

    try:
        return _license(HfApi().dataset_info(found[1], revision=found[2]).card_data)
    except Exception as problem:  # the files are read all the same
        say(f"{address}: the data set's licence is not known: {first_line(problem)}")
        return None


def _license(card: object) -> str | None:
    found = getattr(card, "license", None)
    if isinstance(found, list):
        found = ", ".join(str(each) for each in found)
    if found == "other":  # its name then stands beside it
        found = getattr(card, "license_name", None) or found
    return str(found) if found else None
