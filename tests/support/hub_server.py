"""A server that speaks the Hub's protocol, as far as huggingface_hub and datasets use it to push and to read: real HTTP
in a process of its own, large files through LFS (whole or in parts), faults on demand, and counts.

    python -m tests.support.hub_server --root FOLDER [--token T] [--chunk BYTES] [--fault 503:commit] [--hold-after N]

Point a client at it with `HF_ENDPOINT`, and set `HF_HUB_DISABLE_XET=1`: xet's own storage protocol is not spoken here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from aiohttp import web

from tests.support.hub_repos import Commit, Entry, Refused, Repo, Storage, commit, told, tree

_LFS_FROM = 10_000_000
_LFS_ENDINGS = (".parquet", ".safetensors", ".bin", ".arrow", ".gz", ".zip")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HubServer:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.repos: dict[tuple[str, str], Repo] = {}
        self.storage = Storage(options.root)
        self.asked: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.parts: Counter[str] = Counter()
        self.admitted = self.held = 0
        self.open = asyncio.Event()
        if options.hold_after is None:
            self.open.set()
        self.app = web.Application(client_max_size=1 << 30, middlewares=[self.guard])
        one = r"{repo:[^/]+/[^/]+}"
        add = self.app.router.add_route
        add("POST", "/api/repos/create", self.create)
        add("POST", "/api/validate-yaml", self.validate)
        add("GET", "/api/whoami-v2", self.whoami)
        for kind in ("datasets", "models"):
            add("POST", rf"/api/{{kind:{kind}}}/{one}/preupload/{{rev}}", self.preupload)
            add("POST", rf"/api/{{kind:{kind}}}/{one}/commit/{{rev}}", self.commit)
            add("POST", rf"/api/{{kind:{kind}}}/{one}/branch/{{rev}}", self.branch)
            add("POST", rf"/api/{{kind:{kind}}}/{one}/paths-info/{{rev}}", self.paths)
            add("GET", rf"/api/{{kind:{kind}}}/{one}/tree/{{rev}}{{path:(/.*)?}}", self.tree)
            add("GET", rf"/api/{{kind:{kind}}}/{one}/refs", self.refs)
            add("GET", rf"/api/{{kind:{kind}}}/{one}/revision/{{rev}}", self.info)
            add("GET", rf"/api/{{kind:{kind}}}/{one}", self.info)
        for prefix, kind in (("/datasets", "datasets"), ("", "models")):
            add("POST", rf"{prefix}/{{repo:[^/]+/[^/]+}}.git/info/lfs/objects/batch", self.batch)
            for method in ("GET", "HEAD"):
                add(method, rf"{prefix}/{one}/resolve/{{rev}}/{{path:.+}}", self.of_kind(kind, self.resolve))
        add("PUT", "/lfs/{oid}", self.put)
        add("PUT", "/lfs/{oid}/{part}", self.put)
        add("POST", "/lfs/{oid}/complete", self.complete)
        add("POST", "/lfs/{oid}/verify", self.verify)
        add("GET", "/stats", self.stats)
        add("POST", "/release", self.release)

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Counts, planned faults, the token, and refusals in the Hub's words."""
        name = step(request)
        if name in ("stats", "release"):
            return await handler(request)
        self.asked[name] += 1
        for fault in self.options.fault:
            status, _, where = fault.partition(":")
            if where == name and not self.faults[fault]:
                self.faults[fault] += 1
                return web.json_response({"error": "try again"}, status=int(status), headers={"Retry-After": "0"})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        signed = request.method == "PUT" or name == "complete"  # these addresses carry their own leave
        if self.options.token and token != self.options.token and not signed:
            return web.json_response({"error": "Invalid username or password."}, status=401)
        try:
            return await handler(request)
        except Refused as problem:
            headers = {"X-Error-Code": problem.code} if problem.code else {}
            headers["X-Error-Message"] = str(problem)
            return web.json_response({"error": str(problem)}, status=problem.status, headers=headers)

    def of_kind(self, kind: str, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            request["kind"] = kind
            return await handler(request)

        return handle

    def repo(self, request: web.Request) -> Repo:
        kind = request.match_info.get("kind") or request["kind"]
        found = self.repos.get((kind, request.match_info["repo"]))
        if found is None:
            raise Refused(404, "Repository not found", "RepoNotFound")
        return found

    def at(self, request: web.Request) -> tuple[Repo, Commit]:
        repo = self.repo(request)
        return repo, repo.at(unquote(request.match_info.get("rev", "main")))

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        kind = f"{body.get('type') or 'model'}s"
        name = f"{body['organization']}/{body['name']}"
        url = f"{address(request)}/{'' if kind == 'models' else kind + '/'}{name}"
        if (kind, name) in self.repos:
            return web.json_response({"error": "You already created this repo", "url": url}, status=409)
        self.repos[kind, name] = Repo(kind, name, body.get("visibility") == "private" or bool(body.get("private")))
        return web.json_response({"url": url, "name": name})

    async def validate(self, request: web.Request) -> web.Response:
        content = (await request.json())["content"]
        found = re.match(r"---\n(.*?)\n---\n", content, re.DOTALL)
        try:
            metadata = yaml.safe_load(found[1]) if found else None
        except yaml.YAMLError as problem:
            return web.json_response({"errors": [{"message": str(problem)}], "warnings": []}, status=400)
        warnings = [] if isinstance(metadata, dict) else [{"message": "empty or missing yaml metadata in repo card"}]
        return web.json_response({"errors": [], "warnings": warnings})

    async def whoami(self, _: web.Request) -> web.Response:
        return web.json_response({"type": "user", "name": "tester", "orgs": []})

    async def info(self, request: web.Request) -> web.Response:
        repo, found = self.at(request)
        files = [{"rfilename": path, "size": entry.size} for path, entry in sorted(found.files.items())]
        return web.json_response(
            {"id": repo.name, "sha": found.oid, "private": repo.private, "tags": [], "siblings": files, "gated": False}
        )

    async def refs(self, request: web.Request) -> web.Response:
        branches = [
            {"name": name, "ref": f"refs/heads/{name}", "targetCommit": oid}
            for name, oid in self.repo(request).branches.items()
        ]
        return web.json_response({"branches": branches, "tags": [], "converts": []})

    async def branch(self, request: web.Request) -> web.Response:
        repo, name = self.repo(request), unquote(request.match_info["rev"])
        if name in repo.branches:
            raise Refused(409, "Reference already exists")
        repo.branches[name] = repo.at("main").oid
        return web.json_response({})

    async def tree(self, request: web.Request) -> web.Response:
        _, found = self.at(request)
        under = request.match_info["path"].strip("/")
        entries = tree(found, under, request.query.get("recursive", "").lower() in ("1", "true"))
        if under and not entries:
            raise Refused(404, f"{under} does not exist", "EntryNotFound")
        return web.json_response(entries)

    async def paths(self, request: web.Request) -> web.Response:
        _, found = self.at(request)
        asked = (await request.post()).getall("paths")
        entries = []
        for path in map(str, asked):
            if path in found.files:
                entries.append(told(path, found.files[path]))
            elif any(name.startswith(f"{path}/") for name in found.files):
                entries.append({"type": "directory", "path": path, "oid": "0" * 40, "size": 0})
        return web.json_response(entries)

    async def preupload(self, request: web.Request) -> web.Response:
        _, found = self.at(request)
        answer = []
        for file in (await request.json())["files"]:
            path = file["path"]
            large = file["size"] > _LFS_FROM or path.endswith(_LFS_ENDINGS)
            entry = found.files.get(path)
            mode = "lfs" if large else "regular"
            known = {"oid": entry.lfs or entry.oid} if entry else {}
            answer.append({"path": path, "uploadMode": mode, "shouldIgnore": False, **known})
        return web.json_response({"files": answer})

    async def commit(self, request: web.Request) -> web.Response:
        repo = self.repo(request)
        lines = [json.loads(line) for line in (await request.text()).splitlines() if line]
        made = commit(repo, self.storage, unquote(request.match_info["rev"]), lines)
        url = f"{address(request)}/datasets/{repo.name}/commit/{made.oid}"
        return web.json_response({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""})

    async def batch(self, request: web.Request) -> web.Response:
        objects = []
        for wanted in (await request.json())["objects"]:
            oid, size = wanted["oid"], wanted["size"]
            record: dict[str, Any] = {"oid": oid, "size": size}
            if not self.storage.large(oid).exists():
                href = f"{address(request)}/lfs/{oid}"
                upload: dict[str, Any] = {"href": href}
                if self.options.chunk and size > self.options.chunk:
                    parts = -(-size // self.options.chunk)
                    header = {str(n): f"{href}/{n}" for n in range(1, parts + 1)}
                    upload = {"href": f"{href}/complete", "header": {"chunk_size": str(self.options.chunk), **header}}
                record["actions"] = {"upload": upload, "verify": {"href": f"{href}/verify"}}
            objects.append(record)
        return web.json_response({"transfer": "basic", "objects": objects})

    async def put(self, request: web.Request) -> web.Response:
        oid, part = request.match_info["oid"], request.match_info.get("part")
        self.admitted += 1
        if not self.open.is_set() and self.admitted > self.options.hold_after:
            self.held += 1
            await self.open.wait()
            if request.transport is None or request.transport.is_closing():  # of a client that was killed meanwhile
                raise Refused(400, "the client has gone")
        descriptor, name = tempfile.mkstemp(dir=self.options.root, prefix="arriving-")
        with os.fdopen(descriptor, "wb") as stream:
            async for block in request.content.iter_chunked(1 << 16):
                stream.write(block)
        if part is None:
            self.storage.keep(oid, Path(name))
        else:
            self.parts[oid] += 1
            os.replace(name, self.options.root / f"{oid}.{part}")  # noqa: PTH105
        return web.Response(headers={"ETag": f'"{part or oid}"'})

    async def complete(self, request: web.Request) -> web.Response:
        oid, body = request.match_info["oid"], await request.json()
        whole = self.options.root / f"{oid}.whole"
        with whole.open("wb") as stream:
            for part in body["parts"]:
                file = self.options.root / f"{oid}.{part['partNumber']}"
                stream.write(file.read_bytes())
                file.unlink()
        self.storage.keep(oid, whole)
        return web.json_response({"success": True})

    async def verify(self, request: web.Request) -> web.Response:
        body = await request.json()
        if not self.storage.large(body["oid"]).exists():
            raise Refused(404, "no such object")
        return web.json_response({})

    async def resolve(self, request: web.Request) -> web.StreamResponse:
        _, found = self.at(request)
        path = unquote(request.match_info["path"])
        entry = found.files.get(path)
        if entry is None:
            raise Refused(404, f"Entry not found: {path}", "EntryNotFound")
        headers = {"X-Repo-Commit": found.oid, "ETag": f'"{entry.lfs or entry.oid}"', "Accept-Ranges": "bytes"}
        if entry.lfs:
            headers |= {"X-Linked-Etag": f'"{entry.lfs}"', "X-Linked-Size": str(entry.size)}
        return await self.content(request, entry, headers)

    async def content(self, request: web.Request, entry: Entry, headers: dict[str, str]) -> web.StreamResponse:
        if entry.lfs:
            return web.FileResponse(self.storage.large(entry.lfs), headers=headers)
        body = self.storage.small[entry.oid]
        if request.method == "HEAD":
            return web.Response(headers=headers | {"Content-Length": str(len(body))})
        span = request.http_range
        return web.Response(body=body[span], status=206 if "Range" in request.headers else 200, headers=headers)

    async def stats(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "asked": dict(self.asked),
                "stored": dict(self.storage.stored),
                "parts": dict(self.parts),
                "faults": dict(self.faults),
                "held": self.held,
                "repos": {
                    f"{kind}/{name}": {
                        "private": repo.private,
                        "branches": repo.branches,
                        "commits": [made.title for made in repo.commits.values()],
                        "files": sorted(repo.at("main").files),
                    }
                    for (kind, name), repo in self.repos.items()
                },
            }
        )

    async def release(self, _: web.Request) -> web.Response:
        self.open.set()
        return web.json_response({})


def address(request: web.Request) -> str:
    return f"http://{request.host}"


def step(request: web.Request) -> str:
    """What a request is for, by which faults are planned: create, validate-yaml, preupload, batch, put, complete,
    verify, commit, branch, tree, paths-info, refs, info, resolve."""
    parts = request.path.strip("/").split("/")
    if request.method == "PUT":
        return "put"
    for name in ("resolve", "preupload", "commit", "branch", "tree", "paths-info", "refs", "batch"):
        if name in parts[2:]:
            return name
    return parts[-1] if parts[0] in ("stats", "release", "lfs") or parts[-1] in ("create", "validate-yaml") else "info"


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--port", type=int, default=0)
    made.add_argument("--root", type=Path, required=True, help="folder for the large files")
    made.add_argument("--token", help="the only token that is let in")
    made.add_argument("--chunk", type=int, help="bytes of a part; larger files arrive in parts")
    made.add_argument("--fault", action="append", default=[], help="STATUS:STEP: the first such request fails")
    made.add_argument("--hold-after", type=int, help="let so many large files arrive, then hold the rest till /release")
    options = made.parse_args()
    options.root.mkdir(parents=True, exist_ok=True)

    async def run() -> None:
        runner = web.AppRunner(HubServer(options).app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", options.port).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    main()
