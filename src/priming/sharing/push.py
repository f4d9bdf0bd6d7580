"""Uploading an exported folder to a repository on the Hugging Face hub."""

import json
import re
from pathlib import Path

from priming.digests import file_digests
from priming.errors import DataError
from priming.hub_access import unresolved, unresolved_host

RECORD = "export.json"
"""In an exported folder: the SHA-256 of each file as it was when others were seen to open it with equal logits."""
FORMAT = 1
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def write_record(folder: Path) -> None:
    """Write down what is in a folder."""
    text = json.dumps({"format": FORMAT, "files": file_digests(folder)}, indent=1)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def check_exported(folder: Path) -> None:
    """Raise DataError where a folder is not as it was exported; its card may have been edited."""
    try:
        recorded = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{folder} is there, and no export: it has no {RECORD}; name a new folder") from None
    found = {name: digest for name, digest in file_digests(folder).items() if name != RECORD}
    changed = sorted(name for name in recorded.keys() | found.keys() if recorded.get(name) != found.get(name))
    if wrong := [name for name in changed if not name.endswith(".md")]:
        raise DataError(f"{folder / wrong[0]} is not as it was exported; remove the folder and export again")


def check_repository(repository: str) -> None:
    """Raise DataError where it is no name of a repository."""
    if not _REPOSITORY.fullmatch(repository):
        raise DataError(f"--push {repository}: not a repository of the hub; allowed: OWNER/NAME")


def listed(folder: Path) -> list[tuple[str, int]]:
    """What is uploaded: names and bytes, in order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in files]


def push(folder: Path, repository: str, private: bool = False) -> str:
    """Upload a folder as one commit to a repository of models, which is created if need be; returns its address.

    Raises:
        DataError: the hub cannot be reached, or refuses.
    """
    if host := unresolved_host():
        raise DataError(f"--push {repository}: there is no network ({unresolved(host)}); try again where there is one")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    api = HfApi()
    try:
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message=f"Export of {folder.name}")
    except (HfHubHTTPError, LocalTokenNotFoundError, OSError, ValueError) as error:
        reason = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
        advice = "log in with 'hf auth login', with a token that may write to it"
        raise DataError(f"--push {repository}: the hub did not take it ({reason}); {advice}") from error
    return str(address)
