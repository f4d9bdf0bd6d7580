"""Filling a mirror folder from the hub, for machines without a network: each data set's files at one commit, with
SHA-256.

`manifest.json` in the folder records the commit of each data set and the SHA-256 of every file. Complete files are not
fetched again, and an interrupted download resumes where it stopped.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from priming.atomic import atomic_file
from priming.digests import file_digest
from priming.errors import DataError, DiskError
from priming.hub_access import UnreachableError, unresolved, unresolved_host
from priming.tasks.reading.hub import CONVERTED
from priming.tasks.reading.mirror import (
    DATA,
    MANIFEST,
    Mirror,
    chosen_configuration,
    described_splits,
    read_manifest,
    write_readme,
)
from priming.tasks.sources.interface import Request

README = "README.md"


@dataclass(frozen=True)
class Remote:
    """A data set at one commit: the SHA-256 of its files by path, if known to the hub."""

    id: str
    branch: str | None
    commit: str
    files: dict[str, str | None]


class Mirroring:
    """Fetches data sets into the folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest: dict[str, Any] = _read(root / MANIFEST)
        self._known: dict[Path, str] = {}

    def fetch(self, request: Request) -> int:
        """Fetch the missing files of a request; returns the number of its files. Raises DataError, DiskError."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return self._web(request) if request.url else self._hub(request)
        except OSError as error:
            if not hasattr(error, "response") and not _of_network(error):
                raise DiskError(
                    f"{self.root}: {request.id} could not be written ({error}); make room or rights there and run again"
                ) from error
            raise DataError(
                f"{request.key}: {request.id} cannot be fetched ({_said(error)}); repeat the command to resume"
            ) from error

    def _hub(self, request: Request) -> int:
        remote, wanted = self._found(request)
        folder = self.root / request.id
        files = {path: self._file(remote, path, folder) for path in wanted}
        entry = self._entry(request.id, remote.branch, remote.commit)
        if remote.branch == CONVERTED:
            entry["splits"] = entry.get("splits", {}) | described_splits(wanted)
            write_readme(folder / README, entry["splits"])
        entry["files"] |= files
        self._save()
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        return len(files)

    def _found(self, request: Request) -> tuple[Remote, list[str]]:
        """The data set and the configuration's files: those in its data card, else those converted to Parquet by the
        hub.
        """
        known = self.manifest.get(request.id, {})
        branch = known.get("branch", request.revision)
        if branch != CONVERTED:
            remote = remote_data(request, branch, known.get("commit"))
            if files := self._named_by_card(request, remote):
                return remote, files
        remote = remote_data(request, CONVERTED, known.get("commit") if branch == CONVERTED else None)
        return remote, _converted(request, remote)

    def _named_by_card(self, request: Request, remote: Remote) -> list[str]:
        """The data card and the files it lists for the configuration; nothing if it lists no configurations."""
        if README not in remote.files:
            return []
        folder = self.root / request.id
        self._file(remote, README, folder)
        mirror = Mirror(folder, request.key)
        if not mirror.has_card:
            return []
        there = mirror.configurations()
        patterns = there[chosen_configuration(request.key, request.id, request.config, list(there))]
        found = [
            path
            for path in remote.files
            if path.endswith(DATA) and any(pattern == "**/*" or fnmatch(path, pattern) for pattern in patterns)
        ]
        if not found:
            raise DataError(
                f"{request.key}: the data card of {request.id} lists {', '.join(patterns)}, but there is no such file"
            )
        return [README, *found]

    def _file(self, remote: Remote, path: str, folder: Path) -> str:
        """Fetch a file unless it is complete; returns its SHA-256."""
        # Its import takes half a second, and only this command needs it.
        from huggingface_hub import hf_hub_download

        wanted = remote.files[path] or self.manifest.get(remote.id, {}).get("files", {}).get(path)
        place = folder / path
        if place.is_file() and file_digest(place) in (wanted, self._known.get(place)):
            return file_digest(place)
        place.unlink(missing_ok=True)
        hf_hub_download(remote.id, path, repo_type="dataset", revision=remote.commit, local_dir=folder)
        self._known[place] = found = file_digest(place)
        if remote.files[path] not in (None, found):
            place.unlink()
            raise DataError(
                f"{place}: the downloaded file differs from the one announced by the hub (SHA-256 {found}); "
                "repeat the command"
            )
        return found

    def _web(self, request: Request) -> int:
        entry = self._entry(request.id, None, "")
        for path in request.files:
            place = self.root / request.id / path
            if not place.is_file() or entry["files"].get(path) != file_digest(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                with atomic_file(place) as part, urlopen(f"{request.url}{path}") as answer, part.open("wb") as file:
                    shutil.copyfileobj(answer, file)
                entry["files"][path] = file_digest(place)
        self._save()
        return len(request.files)

    def _entry(self, name: str, branch: str | None, commit: str) -> dict[str, Any]:
        entry = self.manifest.setdefault(name, {"branch": branch, "commit": commit, "files": {}})
        assert isinstance(entry, dict)
        return entry

    def _save(self) -> None:
        with atomic_file(self.root / MANIFEST) as part:
            part.write_text(json.dumps(self.manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def remote_data(request: Request, branch: str | None, commit: str | None) -> Remote:
    """A data set on the hub, at the commit or else at the head of the branch; raises DataError if there is none."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    what = f"{request.key}: the data set {request.id}"
    try:
        info = HfApi().dataset_info(request.id, revision=commit or branch, files_metadata=True)
    except GatedRepoError:
        raise DataError(
            f"{what} requires an agreement on its page; agree to it, type: hf auth login, and repeat the command"
        ) from None
    except RevisionNotFoundError:
        if commit:
            raise DataError(
                f"{what} no longer has commit {commit}, from which this folder has files; use another folder"
            ) from None
        raise DataError(
            f"{what} has no branch {branch} with Parquet files, and its main branch is a script or lists no files"
        ) from None
    except RepositoryNotFoundError:
        raise DataError(f"{what} is not on the hub") from None
    except HfHubHTTPError as error:
        raise DataError(f"{what} cannot be read ({_said(error)}); repeat the command") from None
    files = {file.rfilename: file.lfs.sha256 if file.lfs else None for file in info.siblings or ()}
    return Remote(request.id, branch, str(info.sha), files)


def _converted(request: Request, remote: Remote) -> list[str]:
    """The Parquet files of a configuration on the hub's conversion branch: `<config>/<split>/<number>.parquet`."""
    parquet = [path for path in remote.files if path.endswith(".parquet") and path.count("/") == 2]
    there = list(dict.fromkeys(path.split("/")[0] for path in parquet))
    config = chosen_configuration(request.key, request.id, request.config, there)
    found = [path for path in parquet if path.split("/")[0] == config]
    if any(path.split("/")[1].startswith("partial-") for path in found):
        raise DataError(f"{request.key}: the hub has converted only part of {request.id} ({config}) to Parquet")
    return found


def fetched(requests: Sequence[Request], root: Path) -> Iterator[tuple[Request, int | DataError]]:
    """Fetch each data set, and yield the number of its files, or why it cannot be fetched.

    Raises UnreachableError, before anything is fetched, if the hub is needed and its name cannot be resolved.
    """
    mirroring = Mirroring(root)
    if any(request.url is None for request in requests) and (host := unresolved_host()):
        advice = f"run this on a machine with a network and copy {root} here, or set HF_ENDPOINT to a reachable hub"
        raise UnreachableError(f"the hub is needed, but there is no network ({unresolved(host)}); {advice}")
    for request in requests:
        try:
            yield request, mirroring.fetch(request)
        except DataError as error:
            yield request, error


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_manifest(path)
    except FileNotFoundError:
        return {}


def _of_network(error: OSError) -> bool:
    """Whether the error comes from the network and not from the disk."""
    return type(error).__module__.split(".")[0] in (
        "requests",
        "urllib3",
        "urllib",
        "http",
        "huggingface_hub",
    ) or isinstance(error, ConnectionError | TimeoutError)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
