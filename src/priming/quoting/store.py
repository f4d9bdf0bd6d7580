"""Storage of quoted studies: small tables, their recipe, and the commits at which they were compared.

FOLDER/STUDY/
    quote.json      the study file; digests of settings, data and code; commits at which the numbers were obtained
    recipe.json     recipe of the tables
    blocks.json     formatted tables, quoted in documents
    *.csv           the tables they are made from
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from priming.digests import RECIPE, of_json
from priming.errors import DataError
from priming.jobs.graph import Graph, graph
from priming.jobs.recipes import Recipes
from priming.programs import typed
from priming.study import Study
from priming.study.load import load_study
from priming.study.paths import tables
from priming.tasks.prepared import TASK_FILE

FOLDER = Path("docs/quoted")
QUOTE, BLOCKS = "quote.json", "blocks.json"
TABLES = (
    "strategies",
    "effects",
    "effects_by_group",
    "comparisons",
    "by_decoder",
    "per_task",
    "variance",
    "grid",
    "compute",
)
"""The tables that are stored, if a study has them; tables with a row per run are too large for docs/."""
STEPS = ("prepare", "pretrain", "prime", "tune", "score", "tables")

How = Literal["run", "run again", "compared equal", "equal but for rounding"]


@dataclass(frozen=True)
class Check:
    """A commit at which a quote's numbers were made, reproduced, or compared equal, and the code of that commit."""

    how: How
    commit: str
    date: str
    code: str
    evidence: str = ""


@dataclass(frozen=True)
class Quote:
    """The provenance of a study's stored tables."""

    study_file: str
    study: str
    settings: str
    data: dict[str, str]
    checks: tuple[Check, ...]

    @property
    def made(self) -> Check:
        """The check that made the tables."""
        return self.checks[0]


def quotes(folder: Path = FOLDER) -> Iterator[Path]:
    """The folders of the stored studies."""
    return (path.parent for path in sorted(folder.glob(f"*/{QUOTE}")))


def read(folder: Path) -> Quote:
    """The quote in a study's folder; raises DataError if it is missing or broken."""
    try:
        kept = json.loads((folder / QUOTE).read_text(encoding="utf-8"))
        return Quote(**{**kept, "checks": tuple(Check(**check) for check in kept["checks"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder / QUOTE} cannot be read ({error}); store the study again: priming quotes keep STUDY_FILE"
        ) from None


def keep(study_file: Path, folder: Path = FOLDER) -> Path:
    """Copy a finished study's tables to its folder; raises DataError unless all results are current and code is
    committed.
    """
    jobs = graph(load_study(study_file))
    recipes = Recipes(jobs, study_file.parent)
    if recipes.unfinished():
        raise DataError(
            f"{study_file}: its tables are not finished or not current; "
            f"type: {typed(f'snakemake --configfile {study_file}')}"
        )
    made, kept = Path(tables(jobs.study)), folder / jobs.study.name
    quote = Quote(
        study_file.as_posix(),
        jobs.study.name,
        settings_digest(jobs),
        _data(jobs),
        (_check("run", code_digest(recipes)),),
    )
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for name in (RECIPE, BLOCKS, *(f"{table}.csv" for table in TABLES)):
        if (made / name).is_file():
            shutil.copyfile(made / name, kept / name)
    _write(kept, quote)
    return kept


def confirm(folder: Path, how: How, evidence: str) -> None:
    """Note that a quote's numbers came out at the present commit too, though code or the layout of settings changed."""
    quote = read(folder)
    jobs = graph(load_study(Path(quote.study_file)))
    code = code_digest(Recipes(jobs, Path(quote.study_file).parent))
    checks = (*quote.checks, replace(_check(how, code), evidence=evidence))
    _write(folder, replace(quote, settings=settings_digest(jobs), checks=checks))


def settings_digest(jobs: Graph) -> str:
    """Digest of the settings of every result of a study except figures; null counts as absent, like a new key."""
    return of_json({path: _said(result.settings) for path, result in jobs.results.items() if result.step in STEPS})


def code_digest(recipes: Recipes) -> str:
    """Digest of the code that computes the results of a study, except figures."""
    return of_json(
        {
            " ".join(result.modules): recipes.code(result.modules)
            for result in recipes.graph.results.values()
            if result.step in STEPS
        }
    )


def differences(folder: Path, data: dict[str, str] | None = None) -> list[str]:
    """Differences between the checkout and the quote, in words; `data` are the tasks' current digests, if known."""
    quote = read(folder)
    jobs = graph(load_study(Path(quote.study_file)))
    found = [] if settings_digest(jobs) == quote.settings else ["the settings of the study"]
    found += [f"the rows of {task}" for task, digest in (data or {}).items() if quote.data.get(task) != digest]
    code = code_digest(Recipes(jobs, Path(quote.study_file).parent))
    known = any(check.code == code for check in quote.checks)
    return (
        found if known else [*found, "the code, without a record that the numbers were reproduced or compared equal,"]
    )


def prepared_data(study: Study, base: Path) -> dict[str, str]:
    """Digests of the rows of every task of a study, freshly prepared; raises DataError if rows are missing."""
    from priming.tasks.sources.table import source_of

    digests = {}
    with tempfile.TemporaryDirectory() as work:
        for part in ("source", "development", "target"):
            for name in getattr(study.tasks, part):
                source_of(study.tasks, name).prepare(part, base, Path(work, name))
                digests[name] = _rows_digest(Path(work, name))
    return digests


def _data(jobs: Graph) -> dict[str, str]:
    return {result.task: _rows_digest(Path(path)) for path, result in jobs.results.items() if result.step == "prepare"}


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _said(part) for key, part in value.items() if part is not None}
    return [_said(part) for part in value] if isinstance(value, list | tuple) else value


def _rows_digest(prepared: Path) -> str:
    """Digest of the rows of a prepared task, from the digests in its task.json."""
    return of_json(json.loads((prepared / TASK_FILE).read_text(encoding="utf-8"))["sha256"])


def _check(how: How, code: str) -> Check:
    if _git("status", "--porcelain", "--", "src", "workflow"):
        raise DataError(
            "src/ or workflow/ has uncommitted changes, so no commit identifies the code behind these numbers; "
            "commit them first"
        )
    return Check(how, _git("rev-parse", "HEAD"), datetime.now(UTC).date().isoformat(), code)


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise DataError(f"git {' '.join(arguments)} failed ({error}); run this in a clone of the project") from None
    return done.stdout.strip()


def _write(folder: Path, quote: Quote) -> None:
    (folder / QUOTE).write_text(json.dumps(asdict(quote), indent=1, sort_keys=True) + "\n", encoding="utf-8")
