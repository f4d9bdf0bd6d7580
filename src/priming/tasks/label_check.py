"""Checking the labels of a study before anything is made: those that are known, against the tokenizers that are here."""

from pathlib import Path

from priming.study import Study
from priming.study.tasks import Tasks
from priming.tasks.crossfit import registry
from priming.tasks.generated import GENERATED
from priming.tasks.labels import Ids, unfit_labels
from priming.tasks.text_form import TextForm

TOKENIZER = "tokenizer.json"


def known_labels(tasks: Tasks, name: str) -> tuple[str, ...]:
    """The labels of a task as far as they are known before its rows are read."""
    if defined := tasks.define.get(name):
        return tuple(dict.fromkeys((defined.labels or {}).values()))
    if tasks.in_gym(name):
        from priming.tasks.crossfit.prepare import labels

        return labels(registry.entry(name, tasks.fidelity), ()) or ()
    return GENERATED[name].labels or () if name in GENERATED else ()


def said_of_labels(study: Study, base: Path) -> list[str]:
    """A line for each PLM whose tokenizer is here already, and for which labels that are known do not fit."""
    tasks = study.tasks
    named = [*tasks.source, *tasks.development, *tasks.target]
    lines = []
    for plm in study.plms:
        form = TextForm(target_space=any(study.priming.of(priming.section, plm).target_space for priming in study.primings))
        labels = {name: known_labels(tasks, name) for name in named}
        spaced = {name: [form.target(label) for label in own] if name in tasks.source else own for name, own in labels.items()}
        if (ids_of := _tokenizer(study, plm, base)) and (said := unfit_labels(spaced, ids_of, plm, study.plms[plm].max_output)):
            lines.append(said)
    return lines


def _tokenizer(study: Study, name: str, base: Path) -> Ids | None:
    """The tokenizer of a PLM from its folder, or from the cache of the hub, nothing being fetched for it; None where it is not here."""
    plm = study.plms[name]
    if plm.hub:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(plm.hub, TOKENIZER, revision=plm.revision)
    else:
        found = str(base / plm.path / TOKENIZER) if plm.path else None
    if not isinstance(found, str) or not Path(found).is_file():
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(found)
    tokenizer.no_truncation()
    return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
