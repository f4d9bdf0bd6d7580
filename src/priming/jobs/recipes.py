"""Staleness by content, not by time.

The last file written to the folder of a result is `recipe.json`, which records what the result was made from:

    settings  its parameters from the study file (`priming.jobs.params`)
    code      digest of each module that its step runs (`priming.jobs.code`)
    chain     digest of settings and code, of the result and of all its direct and indirect inputs
    data      digest of the raw data of each task among these inputs; null if they were missing
    made_of   digest of the content of each input
    content   digest of its own content
    files     digest of each of its files
    sha256    digest of all that

A result is current exactly when its recipe matches the one required by this checkout: where it was made, in a copy, in
a fresh clone. Predictions by additional decoders are current too. Missing raw data or inputs cannot be compared and are
taken on trust.
"""

import json
from collections.abc import Iterable
from functools import cached_property
from os.path import exists
from pathlib import Path
from typing import Any

from priming.atomic import atomic_file
from priming.checked import FILES, damaged, read_recipe, sealed
from priming.digests import RECIPE, content, file_digests, files_digest, of_json
from priming.errors import DataError
from priming.jobs import code
from priming.jobs.graph import Graph, Job, Result
from priming.jobs.params import Params
from priming.study.paths import tables
from priming.tasks.sources.table import source_of

FORMAT = 1
LOOKED_AT = frozenset({"tables", "figure"})
"""Steps whose results people and reports read, and no job that would compare them; their files are small."""
Recipe = dict[str, Any]


class Recipes:
    """The required and the recorded recipe of each result of a study."""

    def __init__(self, graph: Graph, base: Path, root: Path = Path()) -> None:
        """`base` is the folder of the study file, `root` the folder that result paths are relative to."""
        self.graph = graph
        self.base = base
        self.root = root
        self._chains: dict[str, str] = {}
        self._data: dict[str, dict[str, str | None]] = {}
        self._made: dict[str, Recipe | None] = {}
        self._reasons: dict[str, str | None] = {}
        self._stale: dict[str, bool] = {}
        self._codes: dict[tuple[str, ...], dict[str, str]] = {}
        self._code_digests: dict[tuple[str, ...], str] = {}
        self._chunks: dict[str, dict[str, str]] = {}

    def folder(self, path: str) -> Path:
        """The folder of a result."""
        return self.root / path

    def here(self, path: str) -> bool:
        """Whether any file of the result exists."""
        return self.folder(path).is_dir()

    def code(self, modules: tuple[str, ...]) -> dict[str, str]:
        """The digests of the modules that a step runs, given its entry modules."""
        if modules not in self._codes:
            self._codes[modules] = {name: code.digest(name) for module in modules for name in code.closure(module)}
        return self._codes[modules]

    def chain(self, path: str) -> str:
        """Digest of the required settings and code of a result and of all its inputs."""
        if path not in self._chains:
            result = self.graph.results[path]
            self._chains[path] = self._chain(result, result.settings)
        return self._chains[path]

    def _chain(self, result: Result, settings: Params) -> str:
        return of_json([settings, self._code_digest(result.modules), *map(self.chain, result.inputs)])

    def _code_digest(self, modules: tuple[str, ...]) -> str:
        if modules not in self._code_digests:
            self._code_digests[modules] = of_json(self.code(modules))
        return self._code_digests[modules]

    def data(self, path: str) -> dict[str, str | None]:
        """Digests of the raw data behind a result, by task or PLM; None for missing data."""
        if path not in self._data:
            result = self.graph.results[path]
            data = {key: digest for name in result.inputs for key, digest in self.data(name).items()}
            self._data[path] = data | self._raw.get(path, {})
        return self._data[path]

    def made(self, path: str) -> Recipe | None:
        """The recorded recipe of a result; None if it has no readable one."""
        if path not in self._made:
            self._made[path] = _read(self.folder(path) / RECIPE)
        return self._made[path]

    def stale_reason(self, path: str) -> str | None:
        """Why an existing result is stale in this checkout; None if it is current or does not exist."""
        if path not in self._reasons:
            self._reasons[path] = self._difference(path)
        return self._reasons[path]

    def current(self, path: str) -> bool:
        """Whether the result exists and is current."""
        return self.here(path) and self.stale_reason(path) is None

    def stale(self, path: str) -> bool:
        """Whether a result or one of its inputs is stale."""
        if path not in self._stale:
            self._stale[path] = self.stale_reason(path) is not None or any(
                map(self.stale, self.graph.results[path].inputs)
            )
        return self._stale[path]

    def stale_job(self, job: Job) -> bool:
        """Whether a job's results must be rebuilt; a job without output folder has no results yet."""
        missing = job.is_chunk and self.here(job.out) and not all(self.here(result.path) for result in job.results)
        return missing or any(self.stale(result.path) for result in job.results)

    def requested(self, job: Job) -> str:
        """A digest of everything required of a job."""
        return of_json([(result.path, self.chain(result.path), self.data(result.path)) for result in job.results])

    def of(self, result: Result) -> Recipe:
        """The recipe of a result about to be built, from the existing inputs and their recipes."""
        inputs = {path: self.made(path) or {} for path in result.inputs}
        told = {key: digest for recipe in inputs.values() for key, digest in recipe.get("data", {}).items()}
        return {
            "format": FORMAT,
            "settings": result.settings,
            "code": self.code(result.modules),
            "chain": self.chain(result.path),
            "data": {key: digest or told.get(key) for key, digest in self.data(result.path).items()},
            "made_of": {path: recipe.get("content") for path, recipe in inputs.items()},
        }

    def finish(self, result: Result, recipe: Recipe, folder: Path | None = None) -> None:
        """Write the recipe to the folder of a result whose other files are complete, before it is put in place."""
        folder = folder or self.folder(result.path)
        write(folder, recipe | {"content": content(folder), FILES: file_digests(folder)})
        self.look_again([result.path])

    def look_again(self, paths: Iterable[str]) -> None:
        """Forget what is known of results that other processes may have built."""
        for path in paths:
            self._made.pop(path, None)
            self._chunks.pop(self.graph.maker[path], None)
        self._reasons.clear()
        self._stale.clear()

    def read_raw_data(self) -> None:
        """Digest the raw data now; raises DataError if a task's files cannot be found."""
        self._raw  # noqa: B018

    def unfinished(self) -> bool:
        """Whether the tables are not built yet, or list failures."""
        return not self.tables_are_current() or bool(self.failures())

    def finished_with_failures(self) -> bool:
        """Whether the tables are as they should be, and list failures."""
        return self.tables_are_current() and bool(self.failures())

    def tables_are_current(self) -> bool:
        """Whether the tables are there, and are as they should be."""
        job = self.graph.jobs[tables(self.graph.study)]
        return self.here(job.out) and not self.stale_job(job)

    def failures(self) -> list[str]:
        """A line for each cell that failed or could not be tuned, from the tables."""
        status = _read_json(self.folder(tables(self.graph.study)) / "status.json")
        return [*status.get("failed", []), *status.get("not_primed", [])]

    def front_page(self) -> str:
        """The front page of the report, from the tables; empty where they are not there, or damaged."""
        file = self.folder(tables(self.graph.study)) / "front.rst"
        return "" if not file.is_file() or any(damaged(file.parent)) else file.read_text(encoding="utf-8")

    def refuse_damaged(self, file: Path) -> None:
        """Raise DataError if a table or figure, which a report would have, is damaged; `file` is the study's."""
        for path, result in self.graph.results.items():
            if result.step in LOOKED_AT and self.here(path) and (why := self._spoilt(path)):
                raise DataError(
                    f"{why}; make it again: snakemake --cores 1 {self.graph.maker[path]} --configfile {file}"
                )

    def _difference(self, path: str) -> str | None:
        if not self.here(path):
            return "removed" if path in self._declared(self.graph.maker[path]) else None
        made = self.made(path)
        if not made:
            return "unfinished"
        if made["chain"] != self.chain(path) and not self._has_more(path, made):
            return self._changed(path, made)
        for key, digest in self.data(path).items():
            if None not in (digest, made["data"].get(key)) and digest != made["data"][key]:
                return f"data of {key}"
        return self._lost(path, made) or self._spoilt(path) or self._replaced(path, made)

    def _lost(self, path: str, made: Recipe) -> str | None:
        """Name a file that the result had when it was made."""
        folder = f"{self.folder(path)}/"
        return next((f"it has lost {name}" for name in made.get(FILES, ()) if not exists(folder + name)), None)  # noqa: PTH110

    def _spoilt(self, path: str) -> str | None:
        """Say that a result which people and reports read, so that no job would notice, is not as it was made."""
        if self.graph.results[path].step not in LOOKED_AT:
            return None
        return next((f"damage: {what}" for what in damaged(self.folder(path))), None)

    def _has_more(self, path: str, made: Recipe) -> bool:
        """Whether a result differs from the required one only by additional entries of its `at_least` setting."""
        result = self.graph.results[path]
        had, asked = made["settings"].get(result.at_least), result.settings.get(result.at_least)
        if not isinstance(had, dict) or not isinstance(asked, dict) or not asked.items() <= had.items():
            return False
        return made["chain"] == self._chain(result, result.settings | {result.at_least: had})

    def _declared(self, out: str) -> dict[str, str]:
        """The results that the folder of a chunk lists as built."""
        if out not in self._chunks:
            self._chunks[out] = read_recipe(self.folder(out) / RECIPE).get("items", {})
        return self._chunks[out]

    def _changed(self, path: str, made: Recipe) -> str:
        """Differences in settings or code, in words."""
        result = self.graph.results[path]
        settings = sorted(_differing(made["settings"], json.loads(json.dumps(result.settings))))
        now = self.code(result.modules)
        code = sorted(name for name in made["code"].keys() | now.keys() if made["code"].get(name) != now.get(name))
        return "; ".join([f"setting {key}" for key in settings] + [f"code {name}" for name in code]) or "its inputs"

    def _replaced(self, path: str, made: Recipe) -> str | None:
        """Name an input whose content has changed."""
        for name in self.graph.results[path].inputs:
            before, now = made["made_of"].get(name), (self.made(name) or {}).get("content")
            if None not in (before, now) and before != now:
                return f"the content of {name}"
        return None

    @cached_property
    def _raw(self) -> dict[str, dict[str, str | None]]:
        """The digests of raw data, by the result that reads the data."""
        found = {}
        for path, result in self.graph.results.items():
            if result.step == "prepare":
                source = source_of(self.graph.study.tasks, result.task)
                if source.reads_data:
                    found[path] = {f"task {result.task}": files_digest(source.raw_files(self.base), self._recorded)}
            elif result.step == "pretrain" and (folder := self.graph.study.plms[result.plm].folder(self.base)):
                found[path] = {f"plm {result.plm}": files_digest(file for file in folder.rglob("*") if file.is_file())}
        return found

    @cached_property
    def _recorded(self) -> dict[Path, str]:
        """Digests that a mirror folder records of its own files."""
        from priming.tasks.reading.mirror import mirror_root, recorded

        try:
            root = mirror_root(self.graph.study.tasks.hub_folder, self.base)
        except DataError:
            return {}
        return recorded(root) if root else {}


def write(folder: Path, recipe: Recipe) -> None:
    """Write recipe.json atomically; an existing file is replaced, never modified in place."""
    with atomic_file(folder / RECIPE) as part:
        part.write_text(json.dumps(sealed(recipe), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def declare_done(job: Job, recipes: Recipes, folder: Path | None = None) -> None:
    """List a chunk's results in its folder, or in another, from which the list is put there."""
    folder = folder or recipes.folder(job.out)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, {"format": FORMAT, "items": {result.path: recipes.chain(result.path) for result in job.results}})


def _read(file: Path) -> Recipe | None:
    recipe = read_recipe(file)
    whole = (
        recipe.get("format") == FORMAT and {"settings", "code", "chain", "data", "made_of", "content"} <= recipe.keys()
    )
    return recipe if whole else None


def _read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if the file is missing."""
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _differing(before: Any, now: Any, key: str = "") -> list[str]:
    """The dotted keys at which two JSON values differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = sorted(before.keys() | now.keys())
        return [
            path
            for name in names
            for path in _differing(before.get(name), now.get(name), f"{key}.{name}" if key else name)
        ]
    return [] if before == now else [f"{key} {json.dumps(before)} -> {json.dumps(now)}"]
