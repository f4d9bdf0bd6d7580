"""Exporting a result of a study as a folder that transformers, `adapters` and PEFT open."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from torch import Tensor

from priming.atomic import atomic_folder
from priming.backbones.brought import EXPORTED
from priming.elements.table import BRINGABLE, BROUGHT
from priming.errors import DataError
from priming.forms.table import KINDS
from priming.sharing.card import write_card
from priming.sharing.code import code
from priming.sharing.finished import Finished
from priming.sharing.fresh import FreshProcess
from priming.sharing.interface import Attached
from priming.sharing.push import write_record
from priming.sharing.trying import Chosen, attached, write_elements, write_plm
from priming.tensor_files import write_tensors

_FROM_HUB = '  # from the hub: huggingface_hub.snapshot_download("OWNER/NAME")'


def export(
    finished: Finished,
    folder: Path,
    licence: str | None = None,
    libraries: Sequence[str] = (),
    fresh: FreshProcess | None = None,
) -> Chosen:
    """Write a result to the new folder `folder`, which is there only if others open it with equal logits.

    Args:
        finished: the result.
        folder: the new folder.
        licence: the licence that the card names.
        libraries: those that may load elements; all if there are none.
        fresh: what opens the folder, if there is one already.

    Raises:
        DataError: the folder is there already, or no format of an element loads with equal logits.
    """
    if folder.exists():
        raise DataError(f"{folder} is there already; name a new folder, or remove it")
    elements = _elements(finished)
    with atomic_folder(folder) as made:
        write_plm(finished.model, finished.plm_folder, made, finished.tuner.plm.brings)
        with nullcontext(fresh) if fresh else FreshProcess() as opening:
            chosen = write_elements(elements, finished.model, made, opening, libraries)
        for element in elements:
            if element.name in BRINGABLE:
                write_tensors(made / element.name / EXPORTED, _for_studies(element))
        program = code(finished.model, f"{json.dumps(folder.name)}{_FROM_HUB}", chosen.formats)
        write_card(made, finished, chosen, program, licence)
        write_record(made)
    return chosen


def _for_studies(element: Attached) -> dict[str, Tensor]:
    """An element as other studies take it, which is by the names that it has here; vectors are rows."""
    named: dict[str, Tensor] = dict(element.model.owned_by((element.name,)))
    if element.name not in BROUGHT:
        return named
    return {name: value.reshape(element.options.length, -1) for name, value in named.items()}


def _elements(finished: Finished) -> list[Attached]:
    """The elements of a result's model."""
    model, task = finished.model, finished.task
    options = {name: finished.tuner.elements.of(name) for name in dict.fromkeys(model.owners.values())}
    by_word = task is not None and KINDS[task.kind].by_word
    return attached(model, options, task.labels if task else None, by_word)
