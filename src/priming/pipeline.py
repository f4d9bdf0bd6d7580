"""A study as a pipeline of DVC: dvc.yaml, and the settings by which DVC knows which of its stages a change concerns.

Snakemake decides what is stale and makes it; DVC records and carries. So a stage for each unit (`priming.units`) asks
Snakemake for it, and every output persists: DVC would otherwise delete it first, and with it what is still current.
"""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from priming import closure
from priming.errors import DataError, DiskError, StudyError
from priming.jobs import Graph, root
from priming.study import Study
from priming.units import Unit, settings, units

FILE = Path("dvc.yaml")
Stage = dict[str, Any]

# As Snakemake does by itself, stages run this checkout, whichever the `priming` on the PATH was installed from.
PRIMING = "env PYTHONPATH=src priming"

# What a change of may make DVC's idea of a stage wrong, whichever it is: how recipes are made.
RECIPES = tuple(f"src/priming/{name}.py" for name in ("closure", "contents", "jobs", "recipes", "slices", "units"))
HEAD = """\
# Made by `priming dvc {study} --write`, and to be made anew by it when PLMs, strategies or tasks of one's own change.
# A stage asks Snakemake for the rule of its own name. What dvc.lock has of it and is not here is fetched first, so
# that nothing is trained again for want of a `dvc pull`. Outputs persist, since Snakemake knows what of them is current.
#   dvc repro                 make what a change made stale, down to the figures, and record it in dvc.lock
#   snakemake; dvc repro      the same with all strategies side by side; dvc then only records
"""


def text(graph: Graph, study_file: Path, tables_in_git: bool = False) -> str:
    """dvc.yaml of a study; with `tables_in_git` its tables and settings are left to git."""
    yaml = YAML()
    yaml.width = 150
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = StringIO()
    yaml.dump(document(graph, study_file, tables_in_git), stream)
    return HEAD.format(study=study_file) + stream.getvalue()


def document(graph: Graph, study_file: Path, tables_in_git: bool) -> dict[str, Any]:
    """What dvc.yaml says."""
    base, all_units = root(graph.study), units(graph)
    stages = {"settings": _settings_stage(base, study_file, tables_in_git)}
    for part in dict.fromkeys(unit.part for unit in all_units.values()):
        members = [unit for unit in all_units.values() if unit.part == part]
        stages[part] = _stage(graph, part, members, study_file, tables_in_git)
    return {
        "stages": stages,
        "params": [str(study_file)],
        "metrics": [f"{base}/tables/metrics"],
        "plots": [{f"{base}/tables/strategies.csv": {"x": "mean", "y": "strategy", "template": "bar_horizontal", "title": "Mean test score"}}],
    }


def write(graph: Graph, study_file: Path, tables_in_git: bool | None = None) -> None:
    """Write dvc.yaml here; where `tables_in_git` is None the tables lie where they did."""
    kept = FILE.is_file() and has_tables_in_git(FILE)
    try:
        FILE.write_text(text(graph, study_file, kept if tables_in_git is None else tables_in_git), encoding="utf-8")
    except OSError as error:
        raise DiskError(f"{FILE}: {error.strerror}; make room or rights there") from error


def write_settings(graph: Graph, study_file: Path) -> Path:
    """Write a file of settings for each unit, and return their folder.

    Raises StudyError where dvc.yaml has not the stages of this study: what it lacks would never be made.
    """
    wanted = units(graph)
    _check_stages(set(wanted), study_file)
    folder = Path(root(graph.study), "settings")
    for stale in folder.rglob("*.yaml"):
        if stale.relative_to(folder).with_suffix("") not in {Path(unit.name.replace("@", "/")) for unit in wanted.values()}:
            stale.unlink()
    for unit in wanted.values():
        _dump(settings(unit), folder / f"{unit.name.replace('@', '/')}.yaml")
    return folder


def _dump(value: Any, file: Path) -> None:
    """Write YAML as a new file: the old one may be a link to DVC's cache."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        # By way of JSON, since YAML would write a list that is used twice as a reference.
        yaml.dump(json.loads(json.dumps(value)), file)
    except OSError as error:
        raise DiskError(f"{file}: {error.strerror}; make room or rights there") from error


def stage_names(file: Path) -> set[str]:
    """The stages of a dvc.yaml, those made by `foreach` as `group@key`; raises DataError where it cannot be read."""
    names = set()
    for name, stage in _read(file).get("stages", {}).items():
        names |= {f"{name}@{key}" for key in stage["foreach"]} if "foreach" in stage else {name}
    return names


def has_tables_in_git(file: Path) -> bool:
    """Whether the tables of a dvc.yaml are left to git."""
    outs = _read(file).get("stages", {}).get("tables", {}).get("outs", [])
    return any(options.get("cache") is False for out in outs if isinstance(out, dict) for options in out.values())


def _read(file: Path) -> dict[str, Any]:
    try:
        return YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")) or {}
    except (OSError, YAMLError) as error:
        raise DataError(f"{file}: cannot be read ({str(error).splitlines()[0]}); make it anew: priming dvc --write") from None


def _check_stages(wanted: set[str], study_file: Path) -> None:
    if not FILE.is_file():
        raise DataError(f"there is no {FILE} here; type: priming dvc {study_file} --write")
    ours = {name for name in stage_names(FILE) if name.partition("@")[0] in {unit.partition("@")[0] for unit in wanted}}
    for names, problem in ((wanted - ours, "has no stage"), (ours - wanted, "still has the stage")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise StudyError(f"{FILE} {problem} {min(names)}{more}, after a change of {study_file}; type: priming dvc {study_file} --write")


def _settings_stage(base: str, study_file: Path, in_git: bool) -> Stage:
    return {
        "cmd": f"{PRIMING} settings {study_file}",
        "deps": [str(study_file), *RECIPES, *(f"src/priming/{name}" for name in ("published", "strategies.py", "study", "tasks"))],
        "outs": [_out(f"{base}/settings", in_git)],
    }


def _stage(graph: Graph, part: str, members: list[Unit], study_file: Path, in_git: bool) -> Stage:
    """The stage of a unit, or the template of those of a part with `${key}` in place of what tells them apart."""
    several = bool(members[0].key)
    name, path = (f"{part}@${{key}}", f"{part}/${{key}}") if several else (part, part)
    base = root(graph.study)
    configfile = "" if study_file == Path("config.yaml") else f"--configfile {study_file} "
    make = f"snakemake --cores all {configfile}{name}"
    # The study file is for `dvc repro -s`, which does not look at the settings anew.
    read = [str(study_file)] if part in {"tables", "figures"} else []
    stage = {
        "cmd": make if part in {"tables", "figures"} else [f"{PRIMING} fetch {name} --out {base}/{path}", make],
        "deps": [*_results(graph.study, part, members), *_raw_data(graph.study, part, study_file.parent), *_code(members), *read],
        "params": [{f"{base}/settings/{path}.yaml": None}],
        "outs": [_out(f"{base}/{path}", in_git and part == "tables")],
    }
    return {"foreach": {unit.key: _told_apart(graph.study, unit) for unit in members}, "do": stage} if several else stage


def _told_apart(study: Study, unit: Unit) -> dict[str, str]:
    """What a unit of several is made from: the PLM, or of a tuning the priming, which stands for its PLM."""
    item, base = unit.items[0], root(study)
    if unit.part == "tuned" and item.priming:
        return {"from": f"{base}/primed/{item.member.name}/{item.priming.slug}"}
    return {"from": f"{base}/plm/{item.member.name}"} if unit.part in {"primed", "tuned"} else {}


def _results(study: Study, part: str, members: list[Unit]) -> Iterator[str]:
    """The folders of results that a stage is made from."""
    base = root(study)
    if part in {"primed", "tuned"}:
        yield from ("${item.from}", f"{base}/tasks")
    elif part == "tables":
        yield from dict.fromkeys(_unit_folder(path, base) for path in members[0].items[0].inputs)
    elif part == "figures":
        yield f"{base}/tables"
    elif part == "plm" and any(unit.items[0].inputs for unit in members):
        yield f"{base}/tasks"


def _unit_folder(path: str, base: str) -> str:
    """The folder of the unit of a priming or a cell."""
    return "/".join([base, *Path(path).relative_to(base).parts[:3]])


def _raw_data(study: Study, part: str, folder: Path) -> Iterator[str]:
    """Files and folders of the user's own that a stage reads."""
    if part == "tasks":
        files = [definition.files for definition in study.tasks.define.values() if definition.files]
        yield from dict.fromkeys(str(folder / file) for pair in files for file in (pair.train, pair.test))
    if part == "plm":
        yield from dict.fromkeys(str(folder / plm.path) for plm in study.plms.values() if plm.path)


def _code(members: list[Unit]) -> list[str]:
    """The parts of the package that the steps run: whole subpackages, so that a new module in one of them counts at once."""
    modules = [name for entry in dict.fromkeys(item.module for unit in members for item in unit.items) for name in closure.closure(entry)]
    below = sorted({name.split(".")[1] for name in modules})
    sources = (name if (closure.ROOT / name).is_dir() else f"{name}.py" for name in below)
    return [*(f"src/priming/{name}" for name in sources if f"src/priming/{name}" not in RECIPES), *RECIPES]


def _out(path: str, in_git: bool) -> dict[str, dict[str, bool]]:
    return {path: {"persist": True} | ({"cache": False} if in_git else {})}
