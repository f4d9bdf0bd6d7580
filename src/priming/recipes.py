"""Staleness by content, not by time.

The last thing put into the folder of a result is `recipe.json`, which says what the result was made from:

    settings  the part of the study file that matters to it (`priming.slices`)
    code      digest of each module that its step runs (`priming.closure`)
    chain     digest of settings and code, its own and those of all it is made from, itself or through others
    data      digest of the raw data of each task that went into it, likewise; null where they were not here
    made_of   digest of what each result that it is made from held
    content   digest of what it holds itself

A result is current exactly when its recipe is the one that this checkout asks for: where it was made, in a copy, in a
fresh clone. What is not here (raw data, results that it is made from) cannot be compared and is taken on trust.
"""

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from priming import closure
from priming.contents import RECIPE, content, files_digest, of_json
from priming.errors import DataError
from priming.jobs import Graph, Item, Job, tables
from priming.study.load import left_to_dvc

FORMAT = 1
Recipe = dict[str, Any]


class Recipes:
    """What each result of a study should be made from, and what it was made from."""

    def __init__(self, graph: Graph, base: Path, results: Path = Path()) -> None:
        """`base` is the folder of the study file, `results` the one in which item paths start."""
        self.graph = graph
        self.base = base
        self.results = results
        self._chains: dict[str, str] = {}
        self._data: dict[str, dict[str, str | None]] = {}
        self._made: dict[str, Recipe | None] = {}
        self._outdated: dict[str, str | None] = {}
        self._dirty: dict[str, bool] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self._chunks: dict[str, dict[str, str]] = {}

    def folder(self, path: str) -> Path:
        """Where a result lies."""
        return self.results / path

    def here(self, path: str) -> bool:
        """Whether there is anything of the result."""
        return self.folder(path).is_dir()

    def code(self, module: str) -> dict[str, str]:
        """The digests of the modules that a step runs."""
        if module not in self._codes:
            self._codes[module] = {name: closure.digest(name) for name in closure.closure(module)}
        return self._codes[module]

    def chain(self, path: str) -> str:
        """Digest of the settings and the code that a result asks for, with those of all it is made from."""
        if path not in self._chains:
            item = self.graph.items[path]
            self._chains[path] = of_json([item.settings, of_json(self.code(item.module)), *map(self.chain, item.inputs)])
        return self._chains[path]

    def data(self, path: str) -> dict[str, str | None]:
        """Digests of the raw data that go into a result, by task or PLM; None for what is not here."""
        if path not in self._data:
            item = self.graph.items[path]
            data = {key: digest for name in item.inputs for key, digest in self.data(name).items()}
            self._data[path] = data | self._raw.get(path, {})
        return self._data[path]

    def made(self, path: str) -> Recipe | None:
        """The recipe of the result that is here; None if it has none that can be read."""
        if path not in self._made:
            self._made[path] = _read(self.folder(path) / RECIPE)
        return self._made[path]

    def outdated(self, path: str) -> str | None:
        """Why the result that is here is not the one that this checkout asks for; None if it is, or if none was made."""
        if path not in self._outdated:
            self._outdated[path] = self._difference(path)
        return self._outdated[path]

    def current(self, path: str) -> bool:
        """Whether the result is here and is the one asked for."""
        return self.here(path) and self.outdated(path) is None

    def dirty(self, path: str) -> bool:
        """Whether a result is outdated or made from one that is."""
        if path not in self._dirty:
            self._dirty[path] = self.outdated(path) is not None or any(map(self.dirty, self.graph.items[path].inputs))
        return self._dirty[path]

    def stale(self, job: Job) -> bool:
        """Whether what a job has made must be made again; a job whose folder is not here has made nothing yet."""
        missing = job.is_chunk and self.here(job.out) and not all(self.here(item.path) for item in job.items)
        return missing or any(self.dirty(item.path) for item in job.items)

    def asked(self, job: Job) -> str:
        """A digest of all that a job is asked to make."""
        return of_json([(item.path, self.chain(item.path), self.data(item.path)) for item in job.items])

    def of(self, item: Item) -> Recipe:
        """The recipe of a result that is about to be made: what it is made from, as the things here and their recipes say."""
        inputs = {path: self.made(path) or {} for path in item.inputs}
        told = {key: digest for recipe in inputs.values() for key, digest in recipe.get("data", {}).items()}
        return {
            "format": FORMAT,
            "settings": item.settings,
            "code": self.code(item.module),
            "chain": self.chain(item.path),
            "data": {key: digest or told.get(key) for key, digest in self.data(item.path).items()},
            "made_of": {path: recipe.get("content") for path, recipe in inputs.items()},
        }

    def finish(self, item: Item, recipe: Recipe) -> None:
        """Put the recipe into the folder of a result whose other files are there."""
        folder = self.folder(item.path)
        write(folder, recipe | {"content": content(folder)})
        for known in (self._made, self._outdated, self._dirty):
            known.pop(item.path, None)

    def read_raw_data(self) -> None:
        """Digest the raw data now; raises DataError where a task's files cannot be found."""
        self._raw  # noqa: B018

    def unsettled(self) -> bool:
        """Whether the tables are still to be made, or name failures."""
        job = self.graph.jobs[tables(self.graph.study)]
        return not self.here(job.out) or self.stale(job) or bool(self.failures())

    def failures(self) -> list[str]:
        """A line for each cell that failed or could not be tuned, as the tables have it."""
        status = _read_json(self.folder(tables(self.graph.study)) / "status.json")
        return [*status.get("failed", []), *status.get("not_primed", [])]

    def front_page(self) -> str:
        """The first page of the report, as the tables have it."""
        file = self.folder(tables(self.graph.study)) / "front.rst"
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    def _difference(self, path: str) -> str | None:
        if not self.here(path):
            return "removed" if path in self._declared(self.graph.maker[path]) else None
        made = self.made(path)
        if not made:
            return "unfinished"
        if made["chain"] != self.chain(path):
            return self._changed(path, made)
        for key, digest in self.data(path).items():
            if None not in (digest, made["data"].get(key)) and digest != made["data"][key]:
                return f"data of {key}"
        return self._replaced(path, made)

    def _declared(self, out: str) -> dict[str, str]:
        """The results that the folder of a chunk says are made."""
        if out not in self._chunks:
            self._chunks[out] = _read_json(self.folder(out) / RECIPE).get("items", {})
        return self._chunks[out]

    def _changed(self, path: str, made: Recipe) -> str:
        """What differs in settings or code, in words."""
        item = self.graph.items[path]
        settings = sorted(_differing(made["settings"], json.loads(json.dumps(item.settings))))
        now = self.code(item.module)
        code = sorted(name for name in made["code"].keys() | now.keys() if made["code"].get(name) != now.get(name))
        return "; ".join([f"setting {key}" for key in settings] + [f"code {name}" for name in code]) or "what it is made from"

    def _replaced(self, path: str, made: Recipe) -> str | None:
        """Name a result that it is made from and that now holds something else."""
        for name in self.graph.items[path].inputs:
            before, now = made["made_of"].get(name), (self.made(name) or {}).get("content")
            if None not in (before, now) and before != now:
                return f"{name} holds something else"
        return None

    @cached_property
    def _raw(self) -> dict[str, dict[str, str | None]]:
        """The digests of raw data, by the item that reads them."""
        found = {}
        for path, item in self.graph.items.items():
            tasks = self.graph.study.tasks
            if item.step == "prepare" and (item.task in tasks.define or tasks.in_gym(item.task)):
                found[path] = {f"task {item.task}": files_digest(self._task_files(item.task), self._recorded)}
            elif item.step == "pretrain" and (folder := self.graph.study.plms[item.plm].path):
                found[path] = {f"plm {item.plm}": files_digest(file for file in (self.base / folder).rglob("*") if file.is_file())}
        return found

    @cached_property
    def _recorded(self) -> dict[Path, str]:
        """Digests that a mirror folder has of its own files."""
        from priming.tasks.sources.mirror import mirror_root, recorded

        try:
            root = mirror_root(self.graph.study.tasks.hub_folder, self.base)
        except DataError:
            return {}
        return recorded(root) if root else {}

    def _task_files(self, task: str) -> list[Path]:
        tasks = self.graph.study.tasks
        if tasks.in_gym(task):
            from priming.tasks.crossfit import registry, source

            return source.raw_files(registry.entry(task, tasks.fidelity), tasks.hub_folder, self.base)
        from priming.tasks.sources.load import raw_files

        own = tasks.define[task].files
        if own and any(left_to_dvc(self.base / file) for file in (own.train, own.test)):
            return []
        return raw_files(task, tasks, self.base)


def write(folder: Path, recipe: Recipe) -> None:
    """Write recipe.json as a whole or not at all; a file that was there is replaced, never written into."""
    part = folder / f".{RECIPE}.{os.getpid()}"
    part.write_text(json.dumps(recipe, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(folder / RECIPE)


def declare_done(job: Job, recipes: Recipes) -> None:
    """Put into the folder of a chunk which results it made."""
    folder = recipes.folder(job.out)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, {"format": FORMAT, "items": {item.path: recipes.chain(item.path) for item in job.items}})


def _read(file: Path) -> Recipe | None:
    recipe = _read_json(file)
    whole = recipe.get("format") == FORMAT and {"settings", "code", "chain", "data", "made_of", "content"} <= recipe.keys()
    return recipe if whole else None


def _read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if there is none."""
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _differing(before: Any, now: Any, key: str = "") -> list[str]:
    """The keys, in dots, at which two JSON values differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        return [path for name in names for path in _differing(before.get(name), now.get(name), f"{key}.{name}" if key else name)]
    return [] if before == now else [f"{key} {json.dumps(before)} -> {json.dumps(now)}"]
