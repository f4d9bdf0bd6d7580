"""A folder with the hub's layout: `<owner>/<name>/` with Parquet files and a README whose YAML head lists
configurations.

Nothing here imports `datasets`: this module finds the files for hashing, and `hub.py` reads them.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from priming.digests import file_digest
from priming.errors import DataError, nearest

VARIABLE = "PRIMING_HUB"
MANIFEST = "manifest.json"
DATA = (".parquet", ".csv", ".tsv", ".json", ".jsonl")
HOW_TO = (
    f"to read a mirror, set {VARIABLE}=FOLDER in the environment or tasks.hub_folder in the study file; "
    "FOLDER/<owner>/<name>/ holds the data set's files as the hub has them, README.md included"
)
CARDS = 64
"""Data cards that are kept as parsed, by their content."""
REFRESH = "where there is a network, type: priming tasks mirror --study STUDY_FILE --to FOLDER"
"""What to do about a mirror that lacks something."""
_WITHOUT = "remove the file: without it, the mirror's files are hashed or fetched again"


@dataclass(frozen=True)
class Mirror:
    """The folder of one data set in a mirror, and the key of the study file that refers to it."""

    folder: Path
    key: str

    @property
    def has_card(self) -> bool:
        """Whether a README lists configurations."""
        readme = self.folder / "README.md"
        return bool(_head(readme, _yaml_head(readme)).get("configs"))

    def configurations(self) -> dict[str, list[str]]:
        """The patterns of each configuration's data files; all files are `default` if the README lists none."""
        readme = self.folder / "README.md"
        return dict(_configurations(readme, _yaml_head(readme)))

    def files(self, config: str | None) -> list[Path]:
        """The data files of a configuration, and the README, sorted; raises DataError for an unknown configuration."""
        there = self.configurations()
        patterns = there[chosen_configuration(self.key, str(self.folder), config, list(there))]
        found = {path for path in self._matching(patterns) if path.is_file() and path.suffix in DATA}
        if not found:
            which = f" of configuration {config}" if config else ""
            raise DataError(f"{self.key}: {self.folder} has no data files{which}; {REFRESH}")
        readme = self.folder / "README.md"
        return sorted(found | ({readme} if readme.is_file() else set()))

    def of_split(self, config: str, split: str) -> list[Path]:
        """The data files of a split of a configuration, all of them where the card does not tell splits apart, sorted.

        Raises DataError for an unknown configuration, and where there are no such files.
        """
        readme = self.folder / "README.md"
        self.configurations()  # refuses a malformed card
        named = {
            str(entry.get("config_name")): entry for entry in _head(readme, _yaml_head(readme)).get("configs") or ()
        }
        entries = named.get(config, {}).get("data_files")
        parts = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        patterns = [pattern for entry in parts if entry.get("split") == split for pattern in _patterns(readme, entry)]
        files = set(self._matching(patterns)) if parts else self.files(config)
        found = sorted(path for path in files if path.is_file() and path.suffix in DATA)
        if not found:
            raise DataError(f"{self.key}: {self.folder} has no files of the split {split!r} of {config}; {REFRESH}")
        return found

    def _matching(self, patterns: Iterable[str]) -> Iterator[Path]:
        """The files of the folder that match a pattern; raises DataError for what is no pattern."""
        for pattern in patterns:
            try:
                yield from self.folder.glob(pattern)
            except (ValueError, NotImplementedError, OSError) as error:
                text = f"{self.folder / 'README.md'}: {pattern!r} in data_files is no pattern of paths ({error})"
                raise DataError(f"{text}; correct it, or copy the data set again") from None


def chosen_configuration(key: str, place: str, config: str | None, there: list[str]) -> str:
    """The configuration named in the study, or else the only one or `default`; raises DataError."""
    if config is None and (len(there) == 1 or "default" in there):
        return there[0] if len(there) == 1 else "default"
    if config not in there:
        what = (
            f"there is no configuration {config!r}{nearest(config, there)}"
            if config
            else "name one of the configurations"
        )
        more = f"; if it should have another, {REFRESH}" if config else ""
        raise DataError(f"{key}.config: {what}; {place} has {', '.join(there)}{more}")
    return config


def mirror_root(hub_folder: str | None, base: Path) -> Path | None:
    """The folder of the mirror, or None; raises DataError if it does not exist.

    The environment variable PRIMING_HUB overrides the study's `tasks.hub_folder`, which is relative to `base`.
    """
    given = os.environ.get(VARIABLE)
    if not given and hub_folder is None:
        return None
    root = Path(given).absolute() if given else base / str(hub_folder)
    if not root.is_dir():
        raise DataError(f"{mirror_setting()} names {root}, which is not a folder; {HOW_TO}")
    return root


def mirror_setting() -> str:
    """What names the folder of the mirror, where there is one: the environment variable, or the study's key."""
    return VARIABLE if os.environ.get(VARIABLE) else "tasks.hub_folder"


def find_mirror(key: str, name: str, hub_folder: str | None, base: Path) -> Mirror | None:
    """The folder of the data set `name` in the mirror, None without a mirror; raises DataError if it does not exist."""
    if _leads_outside(name):
        raise DataError(f"{key}.id: {name!r} is no id of a data set; write it as on the hub, <owner>/<name>")
    root = mirror_root(hub_folder, base)
    if root is None:
        return None
    folder = root / name
    if not folder.is_dir():
        there = sorted(f"{path.parent.name}/{path.name}" for path in root.glob("*/*") if path.is_dir())
        raise DataError(
            f"{key}.id: {name!r} is not in the mirror {root}{nearest(name, there)}; "
            f"it has {', '.join(there) or 'no data set'}"
        )
    return Mirror(folder, key)


def recorded(root: Path) -> dict[Path, str]:
    """The SHA-256 of files in the mirror's manifest unless modified later: hashing a whole mirror takes minutes."""
    manifest = root / MANIFEST
    if not manifest.is_file():
        return {}
    written = manifest.stat().st_mtime_ns
    files = {root / name / path: sha for name, found in _listed(manifest).items() for path, sha in found.items()}
    return {path: sha for path, sha in files.items() if path.is_file() and path.stat().st_mtime_ns <= written}


def refuse_damaged(files: Iterable[Path], hub_folder: str | None, base: Path) -> None:
    """Compare files of the mirror with its manifest, before they are read; raises DataError for one that is damaged."""
    root = mirror_root(hub_folder, base)
    listed = recorded(root) if root else {}
    for file in files:
        if file in listed and file_digest(file) != listed[file]:
            raise DataError(
                f"{file} is damaged: its SHA-256 is not that in {root}/{MANIFEST}; copy it again, or {REFRESH}"
            )


def read_manifest(manifest: Path) -> dict[str, Any]:
    """What a manifest says of each data set; raises DataError, OSError."""
    try:
        data = json.loads(manifest.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{manifest}: not JSON ({error}); {_WITHOUT}") from None
    if not isinstance(data, dict) or not all(isinstance(about, dict) for about in data.values()):
        raise DataError(f"{manifest}: not a manifest, which has an object for each data set; {_WITHOUT}")
    for name, about in data.items():
        files = about.get("files", {})
        if not isinstance(files, dict) or not all(isinstance(sha, str) for sha in files.values()):
            raise DataError(f"{manifest}: 'files' of {name!r} does not list the SHA-256 of each file; {_WITHOUT}")
        if outside := [path for path in (name, *files) if _leads_outside(path)]:
            raise DataError(f"{manifest}: {outside[0]!r} leads outside the mirror; {_WITHOUT}")
    return data


def _listed(manifest: Path) -> dict[str, dict[str, str]]:
    return {name: about.get("files", {}) for name, about in read_manifest(manifest).items()}


Splits = dict[str, dict[str, list[str]]]
"""Files by configuration and split."""


def described_splits(paths: Iterable[str]) -> Splits:
    """The configurations and splits of files with paths `<config>/<split>/<number>.parquet`."""
    found: Splits = {}
    for path in sorted(paths):
        config, split, _ = path.split("/")
        found.setdefault(config, {}).setdefault(split, []).append(path)
    return found


def write_readme(path: Path, splits: Splits) -> None:
    """Write a data card that lists configurations, splits and files."""
    configs = [
        {"config_name": config, "data_files": [{"split": split, "path": files} for split, files in named.items()]}
        for config, named in splits.items()
    ]
    path.write_text(f"---\n{yaml.safe_dump({'configs': configs}, sort_keys=False)}---\n", encoding="utf-8")


def _yaml_head(readme: Path) -> str:
    """The text between the two lines of dashes at the top of a README file, empty where there is none."""
    if not readme.is_file():
        return ""
    parts = readme.read_text(encoding="utf-8", errors="replace").split("---\n", 2)
    return "" if len(parts) < 3 or parts[0].strip() else parts[1]


@lru_cache(maxsize=CARDS)
def _configurations(readme: Path, head: str) -> Mapping[str, list[str]]:
    """The patterns of each configuration in the head of a README file; parsing that of P3 takes a second."""
    entries = _head(readme, head).get("configs") or []
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and "config_name" in entry for entry in entries
    ):
        raise DataError(f"{readme}: configs is not a list of entries with config_name and data_files")
    for entry in entries:
        if _leads_outside(str(entry.get("data_dir", ""))):
            raise DataError(f"{readme}: data_dir {entry['data_dir']!r} leads outside the folder; correct it")
    found = {str(entry["config_name"]): _patterns(readme, entry.get("data_files")) for entry in entries}
    return found or {"default": ["**/*"]}


def _head(readme: Path, head: str) -> dict[str, Any]:
    """What the YAML head of a README file says; raises DataError."""
    found = _parsed(head)
    if isinstance(found, yaml.YAMLError):
        raise DataError(f"{readme}: the YAML head cannot be read ({found})")
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=CARDS)
def _parsed(text: str) -> Any:
    """The value of a YAML text, or the error."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        return error
    except (ValueError, RecursionError) as error:  # dates that do not exist; lists in lists in lists
        return yaml.YAMLError(str(error))


def _patterns(readme: Path, data_files: Any) -> list[str]:
    """Every path pattern of a `data_files` entry: a string, a list of them, or a list of splits with paths.

    Raises DataError for anything else, and for a path outside the data set's folder.
    """
    if data_files is None:
        return ["**/*"]
    if isinstance(data_files, str):
        if _leads_outside(data_files):
            raise DataError(f"{readme}: {data_files!r} in data_files leads outside the folder; correct the path")
        return [data_files]
    if isinstance(data_files, dict):
        return _patterns(readme, data_files.get("path"))
    if not isinstance(data_files, list):
        raise DataError(f"{readme}: data_files has {data_files!r} instead of paths; correct it")
    return [pattern for entry in data_files for pattern in _patterns(readme, entry)]


def _leads_outside(path: str) -> bool:
    """Whether a path below a folder is a URL, absolute, or goes up."""
    return "://" in path or path.startswith("~") or Path(path).is_absolute() or ".." in Path(path).parts
