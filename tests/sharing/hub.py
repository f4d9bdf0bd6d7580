"""A server on this machine that takes uploads as the hub does: repositories, and commits of files."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Uploads:
    """The address of a running server, its repositories with their files, and the token without which it refuses."""

    url: str = ""
    token: str = "secret"
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    commits: list[str] = field(default_factory=list)


@contextmanager
def taking_uploads() -> Iterator[Uploads]:
    """Serve on a free port."""
    hub = Uploads()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: object) -> None:
            pass

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            if self.headers.get("Authorization") != f"Bearer {hub.token}":
                return self.send(401, {"error": "Invalid user token."})
            path = self.path.partition("?")[0]
            if path == "/api/repos/create":
                return self.create(json.loads(text))
            if path == "/api/validate-yaml":
                return self.send(200, {"errors": [], "warnings": []})
            name, _, rest = path.removeprefix("/api/models/").partition("/preupload/")
            if rest:
                files = [
                    {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for one in json.loads(text)["files"]
                ]
                return self.send(200, {"files": files})
            name, _, _ = path.removeprefix("/api/models/").partition("/commit/")
            return self.commit(name, [json.loads(line) for line in text.splitlines() if line])

        def do_GET(self) -> None:
            self.send(200, {"sha": "0" * 40, "siblings": []})

        def create(self, about: dict[str, Any]) -> None:
            name = f"{about['organization']}/{about['name']}"
            if about.get("private"):
                hub.private.add(name)
            if name in hub.repositories:
                return self.send(409, {"error": "it is there", "url": f"{hub.url}/{name}"})
            hub.repositories[name] = {}
            return self.send(200, {"url": f"{hub.url}/{name}", "name": name})

        def commit(self, name: str, lines: list[dict[str, Any]]) -> None:
            for line in lines:
                if line["key"] == "header":
                    hub.commits.append(line["value"]["summary"])
                else:
                    assert line["key"] == "file", line
                    content = base64.b64decode(line["value"]["content"])
                    hub.repositories[name][line["value"]["path"]] = content
            self.send(
                200, {"commitUrl": f"{hub.url}/{name}/commit/{'0' * 40}", "commitOid": "0" * 40, "hookOutput": ""}
            )

        def send(self, status: int, value: dict[str, Any]) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
