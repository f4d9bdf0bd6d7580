"""Where the rows of P3's configurations are: in a mirror of the hub, or in the files of StoryCloze."""

from pathlib import Path
from typing import Any

from priming.errors import DataError, nearest
from priming.study.storycloze import TEMPLATES, StoryCloze
from priming.study.tasks import Tasks
from priming.tasks.p3.registry import HUB, Config
from priming.tasks.reading.mirror import REFRESH, Mirror, mirror_root, mirror_setting

STORIES = "tasks.storycloze"
NO_STORIES = (
    f"{STORIES} is not set, and StoryCloze, of which five of P3's tasks are made, is not on the hub; ask its authors "
    "for its files of 2016 and add 'storycloze: {validation: FILE.csv, test: FILE.csv}' under tasks, or leave its "
    "tasks out by tasks.without"
)


def mirror_of(config: Config, tasks: Tasks, base: Path) -> Mirror | None:
    """The mirror of P3, None without one; `base` is the folder of the study file.

    Raises:
        DataError: it is no folder, or lacks P3 or this configuration.
    """
    root = mirror_root(tasks.hub_folder, base)
    if root is None:
        return None
    folder, setting = root / HUB, mirror_setting()
    if not folder.is_dir():
        there = sorted(f"{path.parent.name}/{path.name}" for path in root.glob("*/*") if path.is_dir())
        has = ", ".join(there) or "no data set"
        raise DataError(
            f"{setting}: the mirror {root} has no {HUB}, the data set of P3's tasks; it has {has}; {REFRESH}"
        )
    mirror = Mirror(folder, f"task {config.name}")
    if config.name not in (known := mirror.configurations()):
        raise DataError(
            f"{folder / 'README.md'}: no configuration {config.name!r} (tasks.{config.role}) among the {len(known)} of "
            f"this mirror, which {setting} names{nearest(config.name, known)}; where there is a network, type: priming "
            f"tasks mirror {config.name} --to {root}"
        )
    return mirror


def story_files(config: Config, tasks: Tasks, base: Path) -> dict[str, Path]:
    """StoryCloze's files by split; raises DataError where they are not given or missing."""
    stories = _stories(tasks)
    files = {split: base / getattr(stories, split) for split in (config.train, config.tested)}
    for split, file in files.items():
        if not file.is_file():
            raise DataError(f"{STORIES}.{split}: there is no file {str(file)!r}; correct the path")
    return files


def story_params(config: Config, tasks: Tasks) -> dict[str, Any]:
    """What of StoryCloze's section affects a configuration: all, of the templates its own; nothing of other ones."""
    if config.on_hub or not (stories := tasks.storycloze):
        return {}
    own = {key: text.settings() for key, text in stories.named_templates.items() if key == config.template}
    return {"storycloze": stories.settings(exclude={"templates"}) | {"templates": own}}


def unfit_templates(config: Config, tasks: Tasks) -> str | None:
    """That the templates of StoryCloze have not that of a configuration; None where they have, or none is needed."""
    if config.on_hub or not (stories := tasks.storycloze):
        return None
    known = stories.named_templates
    if not known or config.template in known:
        return None
    has = f"there are {', '.join(known)}"
    return f"no template {config.template!r}, which {config.name} needs; {has}; name PromptSource's {TEMPLATES}"


def _stories(tasks: Tasks) -> StoryCloze:
    if tasks.storycloze is None:
        raise DataError(NO_STORIES)
    return tasks.storycloze
