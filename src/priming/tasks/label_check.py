"""Check before any job runs whether a study's PLMs, as far as they are on this machine, can answer its tasks."""

import json
from collections.abc import Collection
from pathlib import Path

from priming.backbones.table import BACKBONES
from priming.errors import DataError, StudyError
from priming.forms.labels import Ids, unfit_labels
from priming.forms.table import form_on
from priming.study import Study
from priming.study.partitions import PARTS
from priming.study.plm import Plm
from priming.tasks.conventions import Conventions
from priming.tasks.declared import kind_of
from priming.tasks.sources.table import source_of

CONFIG, TOKENIZER = "config.json", "tokenizer.json"


def said_of_labels(study: Study, base: Path) -> list[str]:
    """A line for each PLM that cannot answer some task of the study, or whose tokenizer some labels do not fit."""
    found = (_said_of_kinds(study, plm, base) or _said_of_tokens(study, plm, base) for plm in study.plms)
    return [said for said in found if said]


def _said_of_kinds(study: Study, name: str, base: Path) -> str | None:
    """The tasks for which a PLM of a known class has no form; those of one part have the same."""
    passes, tasks = _passes(study.plms[name], base), study.tasks
    for key in PARTS if passes else ():
        kinds = {task: kind_of(tasks, task) for task in getattr(tasks, key)}
        try:
            form_on(passes, kinds.values(), name)
        except StudyError as error:
            unfit = [task for task, kind in kinds.items() if not _fits(passes, kind, name)]
            return (
                f"{error}; leave out {', '.join(unfit)}" if unfit else f"{error}; name tasks of one kind in tasks.{key}"
            )
    return None


def _fits(passes: Collection[str], kind: str, plm: str) -> bool:
    try:
        form_on(passes, [kind], plm)
    except StudyError:
        return False
    return True


def _said_of_tokens(study: Study, plm: str, base: Path) -> str | None:
    """The known labels that a generating PLM would cut or could not tell apart."""
    tasks, passes = study.tasks, _passes(study.plms[plm], base)
    if passes and "decode" not in passes:
        return None
    target_space = any(study.settings_of(priming.section, plm).target_space for priming in study.primings_of(plm))
    written = Conventions(target_space=target_space)
    labels = {name: source_of(tasks, name).labels for name in tasks.named}
    spaced = {n: [written.target(label) for label in own] if n in tasks.source else own for n, own in labels.items()}
    ids_of = _tokenizer(study.plms[plm], base)
    return unfit_labels(spaced, ids_of, plm, study.plms[plm].max_output) if ids_of else None


def _passes(plm: Plm, base: Path) -> Collection[str]:
    """The passes of a PLM; empty if its class is not known on this machine."""
    if plm.model_type:
        return plm.passes
    file = _file(plm, base, CONFIG)
    try:
        config = json.loads(file.read_text(encoding="utf-8")) if file else {}
    except (ValueError, RecursionError):
        return ()
    backbone = BACKBONES.get(str(config.get("model_type"))) if isinstance(config, dict) else None
    return backbone.passes if backbone else ()


def _tokenizer(plm: Plm, base: Path) -> Ids | None:
    """The tokenizer of a PLM; None if it is not on this machine."""
    if (file := _file(plm, base, TOKENIZER)) is None:
        return None
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises nothing more special
        raise DataError(f"{file} is no tokenizer ({error}); copy the file of the model's own there") from None
    tokenizer.no_truncation()
    return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def _file(plm: Plm, base: Path, name: str) -> Path | None:
    """A file of a PLM in its folder or in the hub's cache, without downloading; None if it is not on this machine."""
    if plm.hub:
        from huggingface_hub import constants

        # The client's own import takes a fifth of a second.
        if not Path(constants.HF_HUB_CACHE, f"models--{plm.hub.replace('/', '--')}").is_dir():
            return None
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(plm.hub, name, revision=plm.revision)
        return Path(found) if isinstance(found, str) and Path(found).is_file() else None
    folder = plm.folder(base)
    return folder / name if folder and (folder / name).is_file() else None
