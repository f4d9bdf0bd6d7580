"""A server on this machine that answers as the hub does, with the files of a folder: `<id>/<branch>/<path>`."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote


class HubServer:
    """The address of a running server, its requests so far, and how many bytes it may send before it breaks off."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: list[str] = []
        self.break_after: int | None = None
        self.url = ""

    def branch(self, name: str, revision: str) -> Path | None:
        """The folder of a branch, or of the branch that has this commit."""
        branches = [path for path in (self.folder / name).glob("*") if path.is_dir()]
        wanted = revision.replace("/", "~")
        return next((path for path in branches if wanted in (path.name, commit(path))), None)


def commit(branch: Path) -> str:
    """A commit that changes with the files of the branch."""
    files = sorted(path for path in branch.rglob("*") if path.is_file())
    return hashlib.sha1(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


@contextmanager
def serving(folder: Path) -> Iterator[HubServer]:
    """Serve a folder on a free port."""
    hub = HubServer(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def do_POST(self) -> None:
            asked = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
            path = unquote(self.path).removeprefix("/api/datasets/")
            name, _, revision = path.partition("/paths-info/")
            branch = hub.branch(name, revision)
            if branch is None:
                return self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, True)
            found = [entry for entry in listed(branch) if entry["path"] in asked.get("paths", [])]
            return self.send(200, json.dumps(found).encode(), {"Content-Type": "application/json"}, True)

        def answer(self, body: bool) -> None:
            path = unquote(self.path.partition("?")[0])
            if "/tree/" in path:
                self.list(path.removeprefix("/api/datasets/"), body)
            elif path.startswith("/api/datasets/"):
                self.describe(path.removeprefix("/api/datasets/"), body)
            elif "/resolve/" in path:
                name, _, rest = path.removeprefix("/datasets/").partition("/resolve/")
                revision, _, file = rest.partition("/")
                self.file(name, revision, file, body)
            elif (hub.folder / path.lstrip("/")).is_file():
                self.send(200, (hub.folder / path.lstrip("/")).read_bytes(), {}, body)
            else:
                self.send(404, b"", {}, body)

        def list(self, rest: str, body: bool) -> None:
            name, _, rest = rest.partition("/tree/")
            branch = next((hub.branch(name, rest[:end]) for end in ends(rest) if hub.branch(name, rest[:end])), None)
            if branch is None:
                return self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
            folder = next(rest[end + 1 :] for end in ends(rest) if hub.branch(name, rest[:end]))
            everything = "recursive=true" in self.path.lower()
            entries = [e for e in listed(branch) if e["path"].startswith(f"{folder}/" if folder else "")]
            if not everything:
                entries = [e for e in entries if "/" not in e["path"][len(f"{folder}/" if folder else "") :]]
            if folder and not entries:
                return self.send(404, b"{}", {"X-Error-Code": "EntryNotFound"}, body)
            return self.send(200, json.dumps(entries).encode(), {"Content-Type": "application/json"}, body)

        def describe(self, rest: str, body: bool) -> None:
            name, _, revision = rest.partition("/revision/")
            if not (hub.folder / name).is_dir():
                return self.send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
            branch = hub.branch(name, revision or "main")
            if branch is None:
                return self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
            files = sorted(path for path in branch.rglob("*") if path.is_file())
            siblings = [{"rfilename": path.relative_to(branch).as_posix(), **large(path)} for path in files]
            about = {
                "id": name,
                "sha": commit(branch),
                "siblings": siblings,
                "private": False,
                "gated": False,
                "tags": [],
                "downloads": 0,
            }
            return self.send(200, json.dumps(about).encode(), {"Content-Type": "application/json"}, body)

        def file(self, name: str, revision: str, file: str, body: bool) -> None:
            branch = hub.branch(name, revision)
            if branch is None or not (branch / file).is_file():
                return self.send(404, b"", {"X-Error-Code": "EntryNotFound"}, body)
            data = (branch / file).read_bytes()
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
            headers = {
                "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
                "X-Repo-Commit": commit(branch),
                "Accept-Ranges": "bytes",
            }
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            if body:
                hub.sent.append(f"{file} from {start}")
            return self.send(206 if start else 200, data[start:], headers, body)

        def send(self, status: int, data: bytes, headers: dict[str, str], body: bool) -> None:
            self.send_response(status)
            for key, value in (headers | {"Content-Length": str(len(data))}).items():
                self.send_header(key, value)
            self.end_headers()
            if body and hub.break_after is not None and len(data) > hub.break_after:
                self.wfile.write(data[: hub.break_after])
                self.close_connection = True
            elif body:
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def ends(text: str) -> list[int]:
    """Where a branch at the start of a path may end."""
    return [index for index, character in enumerate(text) if character == "/"] + [len(text)]


def listed(branch: Path) -> list[dict[str, Any]]:
    """Files and folders of a branch as the hub lists them."""
    found: list[dict[str, Any]] = []
    for path in sorted(branch.rglob("*")):
        name = path.relative_to(branch).as_posix()
        if path.is_dir():
            found.append({"type": "directory", "path": name, "oid": hashlib.sha1(name.encode()).hexdigest(), "size": 0})
        else:
            about = large(path)
            lfs = {"lfs": {"oid": about["lfs"]["sha256"], **about["lfs"]}} if "lfs" in about else {}
            found.append({"type": "file", "path": name, "oid": about["blobId"], "size": about["size"], **lfs})
    return found


def large(path: Path) -> dict[str, Any]:
    """What the hub says of a large file."""
    data = path.read_bytes()
    about: dict[str, Any] = {"size": len(data), "blobId": hashlib.sha1(data).hexdigest()}
    if path.suffix == ".parquet":
        about["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return about
