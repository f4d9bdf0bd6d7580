"""Opening a study file with all checks, including those of task names and data folders."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from priming.errors import StudyError
from priming.forms.table import KINDS
from priming.protocol.dev_sets import DEV_SETS
from priming.protocol.draws.table import DRAWS
from priming.study import Study, load_study
from priming.study.problems import Problem
from priming.study.tasks import Tasks
from priming.tasks.fewshot import NO_CLASSES, can_draw
from priming.tasks.label_check import said_of_labels
from priming.tasks.plm_folders import said_of_folders
from priming.tasks.sources.interface import Request
from priming.tasks.sources.table import NO_STUDY, SOURCES, find_source, source_of, unknown

PARTS = ("source", "development", "target")


def open_study(path: Path, *, of_data: bool = True) -> Study:
    """Read a study file and check everything that can be known before a job starts, except, without `of_data`, whether
    its data are here and whether its PLMs can write its labels.

    Raises StudyError that lists every problem.
    """
    checks = (unknown_names, undrawable, idle_limit, prefixed_words, missing_mirrors)
    study = load_study(path, checks if of_data else checks[:-1])
    unfit = [*said_of_pairs(study), *said_of_spaces(study), *(said_of_plms(study, path.parent) if of_data else ())]
    if unfit:
        raise StudyError("\n".join(f"{path}: {said}" for said in unfit))
    return study


def said_of_plms(study: Study, base: Path) -> list[str]:
    """A line for each thing that is wrong with the PLMs' folders, or else with the tasks for them."""
    return said_of_folders(study, base) or said_of_labels(study, base)


def said_of_pairs(study: Study) -> list[str]:
    """A line for each section of primings on pairs of task and sample, if some source task has no samples."""
    pools = [name for name in study.tasks.source if not source_of(study.tasks, name).draws("source")]
    primings = [(priming, plm) for plm in study.plms for priming in study.primings_of(plm)]
    paired = dict.fromkeys(p.section for p, plm in primings if pools and study.algorithm_of(p, plm).paired)
    why = f"'pairs' are of CrossFit's tasks, and {', '.join(pools)} in tasks.source is none"
    return [f"priming.{section}.episodes: {why}; leave it out, or set episodes: tasks" for section in paired]


def said_of_spaces(study: Study) -> list[str]:
    """A line for each section of primings that writes a space before targets that are tags of words."""
    by_word = [name for name in study.tasks.source if KINDS[source_of(study.tasks, name).kind].by_word]
    primings = [(priming, plm) for plm in study.plms for priming in study.primings_of(plm)] if by_word else []
    spaced = dict.fromkeys(p.section for p, plm in primings if study.settings_of(p.section, plm).target_space)
    why = f"a space is for targets that are texts, and those of {', '.join(by_word)} are tags of words"
    return [f"priming.{section}.target_space: {why}; remove it" for section in spaced]


def wanted_of_hub(names: Sequence[str], tasks: Tasks | None) -> list[Request]:
    """The data sets that the named tasks, and those of a study, need from the hub, each configuration once.

    Raises StudyError for an unknown name, and for a task that needs none.
    """
    of_study = tasks or NO_STUDY
    sources = [source_of(of_study, name) for name in dict.fromkeys([*names, *of_study.named])]
    if idle := [source.task for source in sources if source.task in names and not source.reads_data]:
        raise StudyError(f"task {idle[0]} is generated and needs no data; remove it")
    found = (source.request for source in sources)
    return list({(r.id, r.config): r for r in found if r}.values())


def unknown_names(tasks: Tasks, base: Path) -> Iterator[Problem]:
    """Names that are neither defined nor built in, and built-in tasks in the wrong role."""
    advice = "define it in tasks.define, or use a built-in task from 'priming tasks list'"
    for part in PARTS:
        for index, name in enumerate(getattr(tasks, part)):
            source = find_source(tasks, name)
            if wrong := source.misplaced(part) if source else f"{unknown(tasks, name)}; {advice}":
                yield Problem(("tasks", part, index), wrong)


def idle_limit(tasks: Tasks, base: Path) -> Iterator[Problem]:
    """A limit to the rows of source tasks of which priming sees the samples, and such samples without such tasks."""
    sources = [source for name in tasks.source if (source := find_source(tasks, name))]
    if "source_limit" in tasks.model_fields_set and sources and all(source.draws("source") for source in sources):
        why = "priming sees the samples of all source tasks (source_rows: samples), so a limit does nothing"
        yield Problem(("tasks", "source_limit"), f"{why}; remove it")
    if tasks.source_rows == "samples" and not any(source.draws("source") for source in sources):
        why = "'samples' is for CrossFit's tasks, and none is in tasks.source"
        yield Problem(("tasks", "source_rows"), f"{why}; remove it")


def prefixed_words(tasks: Tasks, base: Path) -> Iterator[Problem]:
    """The name of a task as a word of sentences whose words have tags."""
    sources = [source for name in tasks.named if (source := find_source(tasks, name))]
    if tasks.task_prefix and (by_word := [source.task for source in sources if KINDS[source.kind].by_word]):
        why = f"the words of {by_word[0]} have tags, and its name would have none"
        yield Problem(("tasks", "task_prefix"), f"{why}; remove it")


def undrawable(tasks: Tasks, base: Path) -> Iterator[Problem]:
    """Tasks whose samples cannot be drawn as the study says."""
    for name in (*tasks.development, *tasks.target):
        source = find_source(tasks, name)
        if source and DEV_SETS[tasks.dev_set].split and not source.has_dev_split:
            fix = (
                f"name it as 'dev' under tasks.define.{name}.files or .hub, or write"
                if name in tasks.define
                else "write"
            )
            text = f"{tasks.dev_set!r} needs a development split, and the task {name} has none"
            yield Problem(("tasks", "dev_set"), f"{text}; {fix} dev_set: drawn")
        if source and DRAWS[source.draw].published and not source.publishes:
            text = f"{source.draw!r} is for P3's tasks, and the task {name} is none; write draw: in_all"
            yield Problem(("tasks", "draw"), text)
        if source and not can_draw(DRAWS[source.draw], source.kind):
            text = f"{source.draw!r} draws from each class, and the task {name} has none; {NO_CLASSES}"
            yield Problem(("tasks", "draw"), text)


def missing_mirrors(tasks: Tasks, base: Path) -> Iterator[Problem]:
    """Data known to be missing or templates that do not parse, so that the study cannot be run; each said once."""
    found = (source.problems(base) for name in tasks.named if (source := find_source(tasks, name)))
    yield from dict.fromkeys(chain.from_iterable(found))


def missing_tasks(study: Study, base: Path) -> dict[str, str]:
    """Tasks of the study or its partition that are unavailable, with the reason, without reading data.

    `base` is the folder of the study file. Tasks excluded from a partition are among them.
    """
    tasks = study.tasks
    reasons = {name: source_of(tasks, name).missing(base) for name in tasks.named}
    found = {name: why for name, why in reasons.items() if why}
    for source in SOURCES.values():
        found |= source.left_out(tasks)
    return found


def said_of_tasks(study: Study, base: Path) -> list[str]:
    """Lines on the tasks that the study will miss, and on what its source and target tasks share."""
    tasks = study.tasks
    lines = [
        f"missing: {why.partition('; to read a mirror')[0]}"
        for why in dict.fromkeys(missing_tasks(study, base).values())
    ]
    for source in SOURCES.values():
        lines += source.overlaps(
            *([name for name in part if source.has(tasks, name)] for part in (tasks.source, tasks.target))
        )
    return lines
