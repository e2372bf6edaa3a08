"""Pushes files to a repository of the Hub in one commit, through huggingface_hub.

A large file is uploaded before the commit and known to the Hub by its hash, so that a push that was killed goes on
where it was. Nothing is visible before the commit. What fails in passing (429, 5xx, a lost connection) is tried again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import pyarrow as pa
import stamina

from rlkd_data.errors import HubError, InputError
from rlkd_data.publish.folder import Files
from rlkd_data.run.progress import console
from rlkd_data.tables import schema_of

T = TypeVar("T")
_ATTEMPTS = 6
_PASSING = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class There:
    """What a repository holds before a push; `head` is None where it does not exist, `files` are of the revision."""

    head: str | None = None
    files: tuple[str, ...] = ()
    configs: tuple[dict[str, Any], ...] = field(default=())


class Hub:
    """One repository of the Hub, at one revision (a branch)."""

    def __init__(self, repo_id: str, kind: Literal["dataset", "model"], revision: str | None) -> None:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils._validators import validate_repo_id

        if repo_id.count("/") != 1:
            raise InputError(f"--repo-id {repo_id!r}: write it as ORG/NAME")
        try:
            validate_repo_id(repo_id)
        except HFValidationError as problem:
            raise InputError(f"--repo-id: {_line(problem)}") from None
        self.repo_id, self.kind, self.revision = repo_id, kind, revision or "main"
        self._api = HfApi(library_name="rlkd")
        stamina.instrumentation.set_on_retry_hooks([_say])

    def look(self) -> There:
        """What is there already. A repository, or a branch, that does not exist holds nothing."""
        from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

        with self._told():
            try:
                info = self._try(lambda: self._api.repo_info(self.repo_id, repo_type=self.kind, revision=self.revision))
            except RevisionNotFoundError:
                info = self._try(lambda: self._api.repo_info(self.repo_id, repo_type=self.kind))
            except RepositoryNotFoundError:
                return There()
            files = _files(info)
            try:
                configs = self._configs(str(info.sha)) if self.kind == "dataset" else ()
            except EntryNotFoundError:
                configs = ()
            return There(info.sha, files, configs)

    def _configs(self, head: str) -> tuple[dict[str, Any], ...]:
        from huggingface_hub import DatasetCard

        path = self._try(
            lambda: self._api.hf_hub_download(self.repo_id, "README.md", repo_type="dataset", revision=head)
        )
        try:
            found = DatasetCard.load(path).data.to_dict().get("configs") or []
        except ValueError as problem:
            raise InputError(
                f"{self.repo_id}: the card there cannot be read ({_line(problem)}): mend it first"
            ) from None
        return tuple(entry for entry in found if isinstance(entry, dict) and entry.get("config_name"))

    def columns(self, path: str, head: str) -> pa.Schema:
        """The columns of a Parquet file on the Hub, of which the footer alone is read."""
        from huggingface_hub import HfFileSystem

        def read() -> pa.Schema:
            with HfFileSystem(skip_instance_cache=True).open(f"datasets/{self.repo_id}@{head}/{path}", "rb") as stream:
                return schema_of(stream)

        with self._told():
            return self._try(read)

    def push(self, files: Files, stale: Callable[[Iterable[str]], list[str]], message: str, *, private: bool) -> str:
        """Make the repository hold the files; `stale` says which of those that are there must go. Returns the commit's
        address. Raises InputError where the Hub refuses, HubError where it cannot be reached."""
        from huggingface_hub.errors import RevisionNotFoundError

        with self._told():
            self._try(lambda: self._api.create_repo(self.repo_id, repo_type=self.kind, private=private, exist_ok=True))
            try:
                self._try(lambda: self._api.repo_info(self.repo_id, repo_type=self.kind, revision=self.revision))
            except RevisionNotFoundError:
                self._try(
                    lambda: self._api.create_branch(
                        self.repo_id, repo_type=self.kind, branch=self.revision, exist_ok=True
                    )
                )
            return self._try(lambda: self._commit(files, stale, message))

    def _commit(self, files: Files, stale: Callable[[Iterable[str]], list[str]], message: str) -> str:
        """One try. It looks at what is there anew, so that a commit whose answer was lost is not made twice."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        info = self._api.repo_info(self.repo_id, repo_type=self.kind, revision=self.revision)
        gone = stale(_files(info))
        operations: list[Any] = [CommitOperationDelete(path) for path in gone]
        for path, content in files.items():
            operations.append(CommitOperationAdd(path, content if isinstance(content, bytes) else str(content)))
        made = self._api.create_commit(
            self.repo_id,
            operations,
            commit_message=message,
            repo_type=self.kind,
            revision=self.revision,
            parent_commit=info.sha,
        )
        return str(made.commit_url)

    def _try(self, call: Callable[[], T]) -> T:
        for attempt in stamina.retry_context(
            on=_passes, attempts=_ATTEMPTS, timeout=None, wait_initial=0.5, wait_max=20.0
        ):
            with attempt:
                return call()
        raise AssertionError

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The client's errors as one line that says what to do."""
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        where = f"{self._api.endpoint} {self.repo_id}"
        try:
            yield
        except OfflineModeIsEnabled:
            raise InputError("HF_HUB_OFFLINE is set, so nothing can be pushed: unset it, or use --dry-run") from None
        except HfHubHTTPError as problem:
            raise _told_http(where, problem) from None
        except (httpx2.HTTPError, OSError) as problem:
            raise HubError(
                f"{where} cannot be reached: {_line(problem)}; what was uploaded is kept, the same command goes on"
            ) from None
        except (RuntimeError, ValueError) as problem:  # a file's upload, and a card that the Hub does not take
            cause = problem.__cause__ or problem
            if isinstance(cause, HfHubHTTPError):
                raise _told_http(where, cause) from None
            raise HubError(
                f"{where}: {_line(problem)} {_line(cause) if cause is not problem else ''}".rstrip()
            ) from None


def _say(details: stamina.instrumentation.RetryDetails) -> None:
    problem = _line(details.caused_by)
    console.print(f"the Hub: {problem}; trying again in {details.wait_for:.1f} s", markup=False)


def _files(info: Any) -> tuple[str, ...]:
    return tuple(sibling.rfilename for sibling in info.siblings or ())


def _told_http(where: str, problem: Any) -> InputError | HubError:
    status = problem.response.status_code if problem.response is not None else None
    said = _line(getattr(problem, "server_message", None) or problem)
    if status == 401 and not (os.environ.get("HF_TOKEN") or _stored_token()):
        return InputError(f"{where}: the Hub wants to know who you are: set HF_TOKEN, or run `hf auth login`")
    if status in (401, 403):
        return InputError(f"{where}: your token may not do this ({said}): use one with write access to that name")
    if status == 412:
        return HubError(f"{where}: somebody else has committed meanwhile: run the same command again")
    if status in _PASSING:
        return HubError(f"{where}: status {status} again and again ({said}); the same command goes on")
    return InputError(f"{where}: the Hub refused it with status {status}: {said}")


def _stored_token() -> bool:
    from huggingface_hub import get_token

    return get_token() is not None


def _passes(problem: Exception) -> bool:
    """Whether trying again may help."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(problem, OfflineModeIsEnabled):
        return False
    if isinstance(problem, RuntimeError) and isinstance(problem.__cause__, Exception):
        return _passes(problem.__cause__)
    if isinstance(problem, HfHubHTTPError):
        return problem.response is not None and problem.response.status_code in _PASSING
    return isinstance(problem, (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError))


def _line(problem: object) -> str:
    return " ".join(str(problem).split())[:300] or type(problem).__name__
