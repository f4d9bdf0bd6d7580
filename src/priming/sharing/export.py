"""Exporting a result of a study as a folder that transformers, `adapters` and PEFT open."""

import json
from collections.abc import Sequence
from pathlib import Path

from priming.atomic import atomic_folder
from priming.elements.table import ELEMENTS
from priming.errors import DataError
from priming.forms.table import KINDS
from priming.sharing.card import write_card
from priming.sharing.code import code
from priming.sharing.finished import ELEMENTS_FILE, Finished
from priming.sharing.fresh import FreshProcess
from priming.sharing.interface import Attached
from priming.sharing.trying import Chosen, attached, write_elements, write_plm
from priming.tensor_files import write_tensors


def export(
    finished: Finished,
    folder: Path,
    licence: str | None = None,
    libraries: Sequence[str] = (),
    place: str | None = None,
) -> Chosen:
    """Write a result to the new folder `folder`, which is there only if others open it with equal logits.

    Args:
        finished: the result.
        folder: the new folder.
        licence: the licence that the card names.
        libraries: those that may load elements; all if there are none.
        place: the expression by which the code of the card finds the folder; by default, its name.

    Raises:
        DataError: the folder is there already, or no format of an element loads with equal logits.
    """
    if folder.exists():
        raise DataError(f"{folder} is there already; name a new folder, or remove it")
    elements = _elements(finished)
    with atomic_folder(folder) as made:
        write_plm(finished.model, finished.plm_folder, made)
        with FreshProcess() as fresh:
            chosen = write_elements(elements, finished.model, made, fresh, libraries)
        for element in elements:
            if ELEMENTS[element.name].brought:
                write_tensors(made / element.name / ELEMENTS_FILE, dict(finished.model.owned_by((element.name,))))
        program = code(finished.model, place or json.dumps(folder.name), chosen.formats)
        write_card(made, finished, chosen, program, licence)
    return chosen


def _elements(finished: Finished) -> list[Attached]:
    """The elements of a result's model."""
    model, task = finished.model, finished.task
    options = {name: finished.tuner.elements.of(name) for name in dict.fromkeys(model.owners.values())}
    by_word = task is not None and KINDS[task.kind].by_word
    return attached(model, options, task.labels if task else None, by_word)
