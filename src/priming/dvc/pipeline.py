"""A study as a DVC pipeline: dvc.yaml, and the settings from which DVC sees which stages a change affects.

Snakemake decides what is stale and rebuilds it; DVC records and transfers. So the stage of each group of results
(`priming.jobs.stages`) calls Snakemake, and every output persists: otherwise DVC would first delete it, with the
results that are still current.
"""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from priming.errors import DataError, DiskError, StudyError
from priming.jobs import code
from priming.jobs.graph import Graph
from priming.jobs.stages import Stage, settings, stages
from priming.programs import typed
from priming.study import Study
from priming.study.paths import DEPTH, root
from priming.tasks.sources.table import source_of

FILE = Path("dvc.yaml")
StageEntry = dict[str, Any]

# Like Snakemake, stages run this checkout, wherever the `priming` on the PATH was installed from.
PRIMING = "env PYTHONPATH=src priming"

# Every stage depends on these: they compute recipes, so changing one can change what is stale.
RECIPES = ("src/priming/digests.py", "src/priming/jobs")
HEAD = """\
# Written by `priming dvc {study} --write`; rewrite it when PLMs, strategies or your own tasks change.
# Each stage calls the Snakemake rule of the same name. Missing results that dvc.lock records are fetched first, so
# that a forgotten `dvc pull` retrains nothing. Outputs persist, since Snakemake knows which of them are current.
#   dvc repro                 rebuild what is stale, down to the figures, and record it in dvc.lock
#   snakemake; dvc repro      the same with all strategies in parallel; dvc then only records
"""


def text(graph: Graph, study_file: Path, tables_in_git: bool = False) -> str:
    """The dvc.yaml of a study; with `tables_in_git`, git holds its tables and settings."""
    yaml = YAML()
    yaml.width = 150
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = StringIO()
    yaml.dump(document(graph, study_file, tables_in_git), stream)
    return HEAD.format(study=study_file) + stream.getvalue()


def document(graph: Graph, study_file: Path, tables_in_git: bool) -> dict[str, Any]:
    """The content of dvc.yaml."""
    base, all_stages = root(graph.study), stages(graph)
    entries = {"settings": _settings_stage(base, study_file, tables_in_git)}
    for part in dict.fromkeys(stage.part for stage in all_stages.values()):
        members = [stage for stage in all_stages.values() if stage.part == part]
        entries[part] = _stage(graph, part, members, study_file, tables_in_git)
    return {
        "stages": entries,
        "params": [str(study_file)],
        "metrics": [f"{base}/tables/metrics"],
        "plots": [
            {
                f"{base}/tables/strategies.csv": {
                    "x": "mean",
                    "y": "strategy",
                    "template": "bar_horizontal",
                    "title": "Mean test score",
                }
            }
        ],
    }


def write(graph: Graph, study_file: Path, tables_in_git: bool | None = None) -> None:
    """Write ./dvc.yaml; if `tables_in_git` is None, tables stay where they were."""
    kept = FILE.is_file() and has_tables_in_git(FILE)
    try:
        FILE.write_text(text(graph, study_file, kept if tables_in_git is None else tables_in_git), encoding="utf-8")
    except OSError as error:
        raise DiskError(f"{FILE}: {error.strerror}; make room or rights there") from error


def write_settings(graph: Graph, study_file: Path) -> Path:
    """Write the settings of each stage to a file, and return their folder.

    Raises StudyError if dvc.yaml lacks stages of this study, which would then never be built.
    """
    wanted = stages(graph)
    _check_stages(set(wanted), study_file)
    folder = Path(root(graph.study), "settings")
    for stale in folder.rglob("*.yaml"):
        if stale.relative_to(folder).with_suffix("") not in {
            Path(stage.name.replace("@", "/")) for stage in wanted.values()
        }:
            stale.unlink()
    for stage in wanted.values():
        _dump(settings(stage), folder / f"{stage.name.replace('@', '/')}.yaml")
    return folder


def _dump(value: Any, file: Path) -> None:
    """Write YAML as a new file: the old one may be a link to DVC's cache."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        # Copied through JSON, since YAML would write a list that is used twice as a reference.
        yaml.dump(json.loads(json.dumps(value)), file)
    except OSError as error:
        raise DiskError(f"{file}: {error.strerror}; make room or rights there") from error


def stage_names(file: Path) -> set[str]:
    """The stages of a dvc.yaml, those of a `foreach` as `group@key`; raises DataError if it cannot be read."""
    names = set()
    for name, stage in _read(file).get("stages", {}).items():
        names |= {f"{name}@{key}" for key in stage["foreach"]} if "foreach" in stage else {name}
    return names


def has_tables_in_git(file: Path) -> bool:
    """Whether git holds the tables of a dvc.yaml."""
    outs = _read(file).get("stages", {}).get("tables", {}).get("outs", [])
    return any(options.get("cache") is False for out in outs if isinstance(out, dict) for options in out.values())


def _read(file: Path) -> dict[str, Any]:
    try:
        return YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")) or {}
    except (OSError, YAMLError) as error:
        raise DataError(
            f"{file}: cannot be read ({str(error).splitlines()[0]}); rewrite it: {typed('priming dvc --write')}"
        ) from None


def _check_stages(wanted: set[str], study_file: Path) -> None:
    if not FILE.is_file():
        raise DataError(f"there is no {FILE} here; type: {typed(f'priming dvc {study_file} --write')}")
    ours = {
        name for name in stage_names(FILE) if name.partition("@")[0] in {stage.partition("@")[0] for stage in wanted}
    }
    for names, problem in ((wanted - ours, "has no stage"), (ours - wanted, "still has the stage")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise StudyError(
                f"{FILE} {problem} {min(names)}{more}, after a change of {study_file}; "
                f"type: {typed(f'priming dvc {study_file} --write')}"
            )


def _settings_stage(base: str, study_file: Path, in_git: bool) -> StageEntry:
    return {
        "cmd": f"{PRIMING} settings {study_file}",
        "deps": [
            str(study_file),
            *RECIPES,
            *(f"src/priming/{name}" for name in ("published", "strategies.py", "study", "tasks")),
        ],
        "outs": [_out(f"{base}/settings", in_git)],
    }


def _stage(graph: Graph, part: str, members: list[Stage], study_file: Path, in_git: bool) -> StageEntry:
    """The stage of a part, or the template of its stages with `${key}` in place of what distinguishes them."""
    several = bool(members[0].key)
    name, path = (f"{part}@${{key}}", f"{part}/${{key}}") if several else (part, part)
    base = root(graph.study)
    configfile = "" if study_file == Path("config.yaml") else f"--configfile {study_file} "
    make = f"snakemake --cores all {configfile}{name}"
    # `dvc repro -s` needs the study file, since it does not run the stage `settings`.
    read = [str(study_file)] if part in {"tables", "figures"} else []
    entry: StageEntry = {
        "cmd": make if part in {"tables", "figures"} else [f"{PRIMING} fetch {name} --out {base}/{path}", make],
        "deps": [
            *_results(graph.study, part, members),
            *_raw_data(graph.study, part, study_file.parent),
            *_code(members),
            *read,
        ],
        "params": [{f"{base}/settings/{path}.yaml": None}],
        "outs": [_out(f"{base}/{path}", in_git and part == "tables")],
    }
    return (
        {"foreach": {stage.key: _told_apart(graph.study, stage) for stage in members}, "do": entry}
        if several
        else entry
    )


def _told_apart(study: Study, stage: Stage) -> dict[str, str]:
    """The input of one stage of several: the PLM; for a tuning its priming, if any; for scores the tuning."""
    result, base = stage.results[0], root(study)
    if stage.part == "scores":
        return {"from": _stage_folder(result.inputs[0], base)}
    if stage.part == "tuned" and result.priming:
        return {"from": f"{base}/primed/{result.member.name}/{result.priming.slug}"}
    return {"from": f"{base}/plm/{result.member.name}"} if stage.part in {"primed", "tuned"} else {}


def _results(study: Study, part: str, members: list[Stage]) -> Iterator[str]:
    """The folders of results that a stage depends on."""
    base = root(study)
    if part in {"primed", "tuned", "scores"}:
        yield from ("${item.from}", f"{base}/tasks")
    elif part == "tables":
        yield from dict.fromkeys(_stage_folder(path, base) for path in members[0].results[0].inputs)
    elif part == "figures":
        yield f"{base}/tables"
    elif part == "plm" and any(stage.results[0].inputs for stage in members):
        yield f"{base}/tasks"


def _stage_folder(path: str, base: str) -> str:
    """The folder of a result's stage."""
    parts = Path(path).relative_to(base).parts
    return "/".join([base, *parts[: DEPTH[parts[0]]]])


def _raw_data(study: Study, part: str, folder: Path) -> Iterator[str]:
    """The user's files and folders that a stage reads."""
    if part == "tasks":
        names = dict.fromkeys([*study.tasks.own, *study.tasks.named])
        own = (file for name in names for file in source_of(study.tasks, name).own_files)
        yield from dict.fromkeys(str(folder / file) for file in own)
    if part == "plm":
        yield from dict.fromkeys(str(folder / plm.path) for plm in study.plms.values() if plm.path)


def _code(members: list[Stage]) -> list[str]:
    """The parts of the package that the steps run: whole subpackages, so that new modules count at once."""
    steps = dict.fromkeys(module for stage in members for result in stage.results for module in result.modules)
    modules = [name for step in steps for name in code.closure(step)]
    below = sorted({name.split(".")[1] for name in modules})
    sources = (name if (code.ROOT / name).is_dir() else f"{name}.py" for name in below)
    return [*(f"src/priming/{name}" for name in sources if f"src/priming/{name}" not in RECIPES), *RECIPES]


def _out(path: str, in_git: bool) -> dict[str, dict[str, bool]]:
    return {path: {"persist": True} | ({"cache": False} if in_git else {})}
