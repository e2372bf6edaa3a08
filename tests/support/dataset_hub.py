"""A Hub that serves tests one data set: `python -m tests.support.dataset_hub FOLDER ORG/NAME` prints its port.

It speaks as much of the Hub's protocol as streaming needs: the repository's facts, its files, and ranges of them.
`--commit SHA` is the commit that it has. `--drop-after N` closes the connection instead of serving a file's bytes, from
the Nth time on.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

COMMIT = "c" * 40


class DatasetHub:
    def __init__(self, folder: Path, repo: str, drop_after: int | None, commit: str = COMMIT) -> None:
        self.folder, self.repo, self.drop_after = folder, repo, drop_after
        self.served, self.commit = 0, commit
        self.app = web.Application()
        facts = f"/api/datasets/{repo}"
        self.app.router.add_get(facts, self.facts)
        self.app.router.add_get(facts + "/revision/{revision}", self.facts)
        self.app.router.add_get(facts + "/tree/{revision}", self.tree)
        self.app.router.add_get(facts + "/tree/{revision}/{path:.*}", self.tree)
        self.app.router.add_post(facts + "/paths-info/{revision}", self.paths)
        self.app.router.add_get(f"/datasets/{repo}/resolve/{{revision}}/{{path:.*}}", self.file)
        self.app.router.add_get("/{rest:.*}", self.missing)

    def files(self) -> list[str]:
        return sorted(str(file.relative_to(self.folder)) for file in self.folder.rglob("*") if file.is_file())

    def entry(self, name: str) -> dict[str, Any]:
        data = (self.folder / name).read_bytes()
        return {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}

    async def facts(self, request: web.Request) -> web.Response:
        if request.match_info.get("revision", "main") not in ("main", self.commit):
            return self.refusal("RevisionNotFound", f"no revision {request.match_info['revision']}")
        card: dict[str, Any] = {}
        if (self.folder / "README.md").exists():
            card = yaml.safe_load((self.folder / "README.md").read_text("utf-8").split("---")[1])
        siblings = [{"rfilename": name} for name in self.files()]
        return web.json_response(
            {"id": self.repo, "sha": self.commit, "cardData": card, "siblings": siblings, "private": False, "tags": []}
        )

    async def tree(self, request: web.Request) -> web.Response:
        below = request.match_info.get("path", "")
        names = [name for name in self.files() if name.startswith(f"{below}/" if below else "")]
        if below and not names:
            return self.refusal("EntryNotFound", f"no entry {below}")
        folders = {str(parent) for name in names for parent in Path(name).parents} - {".", below}
        listed = [{"type": "directory", "path": name, "size": 0, "oid": "0" * 40} for name in sorted(folders)]
        return web.json_response(listed + [self.entry(name) for name in names])

    async def paths(self, request: web.Request) -> web.Response:
        if request.content_type == "application/json":
            wanted = (await request.json())["paths"]
        else:
            wanted = (await request.post()).getall("paths")
        return web.json_response([self.entry(name) for name in self.files() if name in wanted])

    async def file(self, request: web.Request) -> web.StreamResponse:
        path = self.folder / request.match_info["path"]
        if not path.is_file():
            return self.refusal("EntryNotFound", f"no entry {request.match_info['path']}")
        if path.name != "README.md" and request.method == "GET":
            self.served += 1
            if self.drop_after is not None and self.served > self.drop_after:
                assert request.transport is not None
                request.transport.close()
        headers = {"X-Repo-Commit": self.commit, "ETag": f'"{self.entry(request.match_info["path"])["oid"]}"'}
        return web.FileResponse(path, headers=headers)

    async def missing(self, request: web.Request) -> web.Response:
        return self.refusal("RepoNotFound", f"no repository at {request.path}")

    @staticmethod
    def refusal(code: str, message: str) -> web.Response:
        return web.json_response(
            {"error": message}, status=404, headers={"X-Error-Code": code, "X-Error-Message": message}
        )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("repo")
    parser.add_argument("--drop-after", type=int)
    parser.add_argument("--commit", default=COMMIT)
    options = parser.parse_args()
    hub = DatasetHub(options.folder, options.repo, options.drop_after, options.commit)
    runner = web.AppRunner(hub.app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
