"""What a Hub keeps: repositories with branches and commits, and the large files that they point at."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Refused(Exception):
    """An answer other than 200. `code` is the X-Error-Code that the client tells errors by."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Entry:
    """A file of a commit: `oid` names its git blob, `lfs` the sha256 of a large file."""

    oid: str
    size: int
    lfs: str | None = None


@dataclass(frozen=True)
class Commit:
    oid: str
    title: str
    files: dict[str, Entry]


@dataclass
class Repo:
    kind: str
    name: str
    private: bool
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.branches["main"] = self.add("initial commit", {}).oid

    def add(self, title: str, files: dict[str, Entry]) -> Commit:
        told = json.dumps([len(self.commits), title, sorted((p, e.oid) for p, e in files.items())])
        commit = Commit(hashlib.sha1(told.encode()).hexdigest(), title, files)
        self.commits[commit.oid] = commit
        return commit

    def at(self, revision: str) -> Commit:
        found = self.commits.get(self.branches.get(revision, revision))
        if found is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found


class Storage:
    """Blobs by their hash: large ones as files of a folder, so that they are served as files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.small: dict[str, bytes] = {}
        self.stored: Counter[str] = Counter()
        """How often each large file arrived whole."""

    def large(self, sha256: str) -> Path:
        return self.root / sha256

    def keep(self, sha256: str, arrived: Path) -> None:
        with arrived.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != sha256:
            arrived.unlink()
            raise Refused(400, f"the content's sha256 is {found}, not {sha256}")
        arrived.replace(self.large(sha256))
        self.stored[sha256] += 1

    def keep_small(self, content: bytes) -> Entry:
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.small[oid] = content
        return Entry(oid, len(content))


def commit(repo: Repo, storage: Storage, branch: str, lines: list[dict[str, Any]]) -> Commit:
    """Apply a commit's lines (`header`, `file`, `lfsFile`, `deletedFile`, `deletedFolder`)."""
    if branch not in repo.branches:
        raise Refused(404, f"Invalid rev id: {branch}", "RevisionNotFound")
    files = dict(repo.at(branch).files)
    title = ""
    for line in lines:
        key, value = line["key"], line["value"]
        if key == "header":
            title = value["summary"]
            parent = value.get("parentCommit")
            if parent and parent != repo.branches[branch]:
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
        elif key == "file":
            files[value["path"]] = storage.keep_small(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            if not storage.large(value["oid"]).exists():
                raise Refused(400, f"Your push was rejected because an LFS pointer has no file: {value['oid']}")
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{value['oid']}\nsize {value['size']}\n"
            files[value["path"]] = Entry(hashlib.sha1(pointer.encode()).hexdigest(), value["size"], value["oid"])
        elif key == "deletedFile":
            if files.pop(value["path"], None) is None:
                raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
        elif key == "deletedFolder":
            files = {
                path: entry for path, entry in files.items() if not path.startswith(value["path"].rstrip("/") + "/")
            }
        else:
            raise Refused(400, f"unknown operation {key}")
    made = repo.add(title, files)
    repo.branches[branch] = made.oid
    return made


def tree(commit_: Commit, under: str, recursive: bool) -> list[dict[str, Any]]:
    """The entries below a folder, as the API tells them; folders too."""
    prefix = f"{under}/" if under else ""
    found: dict[str, dict[str, Any]] = {}
    for path, entry in sorted(commit_.files.items()):
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
            folder = prefix + "/".join(parts[:depth])
            found.setdefault(folder, {"type": "directory", "path": folder, "oid": "0" * 40, "size": 0})
        if recursive or len(parts) == 1:
            found[path] = told(path, entry)
    return list(found.values())


def told(path: str, entry: Entry) -> dict[str, Any]:
    record: dict[str, Any] = {"type": "file", "path": path, "oid": entry.oid, "size": entry.size}
    if entry.lfs:
        record["lfs"] = {"oid": entry.lfs, "size": entry.size, "pointerSize": 130}
    return record
