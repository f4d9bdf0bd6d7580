"""A finished result of a study, read by itself: a PLM, a priming, or a tuned sample of a task, ready to be used."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from priming.backbones.compute import Compute
from priming.backbones.text_model import TextModel
from priming.checked import checked, redo
from priming.elements.sections import Elements
from priming.elements.table import ELEMENTS
from priming.errors import DataError, nearest
from priming.forms.decoders import DECODERS
from priming.result_files import RESULT, read_result
from priming.strategies import Priming, Strategy
from priming.study.paths import TASKS
from priming.study.plm import Plm
from priming.study.tuning import Scoring, Tuning
from priming.tasks.prepared import PreparedTask, read_task
from priming.training.tuner import Tuner
from priming.training.validation import checkpoint_folder

ELEMENTS_FILE = "elements.safetensors"
PLM, PRIMED, TUNED = "plm", "primed", "tuned"
_DEPTHS = {PLM: 2, PRIMED: 4, TUNED: 6}
"""The parts of a result's path within those of its study, by the first."""
_EXAMPLES = "results/STUDY/tuned/PLM/STRATEGY/seed-1/TASK/sample-13, .../primed/PLM/PRIMING/seed-1 or .../plm/PLM"
ON_CPU = Compute(device="cpu", attention="eager", compile="off")


@dataclass(frozen=True)
class Finished:
    """A result; `base` is the folder of the study's results, `kind` the first part of its path there."""

    folder: Path
    base: Path
    kind: str
    result: dict[str, Any]
    compute: Compute = ON_CPU

    @property
    def plm_folder(self) -> Path:
        """The PLM that it was made from, or that it is."""
        return self.folder if self.kind == PLM else self.base / PLM / str(self.result["plm"])

    @cached_property
    def plm_result(self) -> dict[str, Any]:
        """What is said of that PLM."""
        return read_result(self.plm_folder)

    @property
    def settings(self) -> dict[str, Any]:
        """The part of the study file that it was made from."""
        found: dict[str, Any] = self.result["settings"]
        return found

    @cached_property
    def strategy(self) -> Strategy:
        """That of a tuned sample; of a PLM or a priming, that which scores it as it is.

        Raises:
            DataError: a priming that trained heads alone.
        """
        if self.kind == TUNED:
            return Strategy.parse(self.result["strategy"])
        if self.kind == PLM:
            return Strategy.parse("none -> nothing")
        priming = Priming.parse(self.result["priming"])
        kept = [name for name in priming.outer if ELEMENTS[name].carried and not ELEMENTS[name].is_base]
        if not kept and not any(ELEMENTS[name].is_base for name in priming.outer):
            raise DataError(
                f"{self.folder}: {priming} leaves nothing but heads of source tasks, which are not exported"
            )
        return Strategy.parse(f"{priming} -> nothing" + (f" (with {'+'.join(kept)})" if kept else ""))

    @cached_property
    def checkpoint(self) -> Path | None:
        """The folder of the primed values that it has; None if it is un-primed."""
        if self.strategy.priming is None:
            return None
        if self.kind == PRIMED:
            return self.folder
        primed = self.base / PRIMED / str(self.result["plm"]) / self.strategy.priming.slug
        return checkpoint_folder(primed / f"seed-{self.result['seed']}", self.strategy)

    @cached_property
    def task(self) -> PreparedTask | None:
        """The task of a tuned sample."""
        return read_task(self.base / TASKS / self.result["task"]) if self.kind == TUNED else None

    @cached_property
    def scoring(self) -> Scoring:
        """How its study has answers scored."""
        said = self.settings.get("scoring", {})
        predicted = self.settings.get("predicted", {})
        decoders = [name for name in DECODERS if name in predicted] or [said.get("decoder", "ranking")]
        beam = [options["beam"] for options in (said, *predicted.values()) if "beam" in options]
        generator = self.settings.get("generator")
        # What replaces ranking in a task without labels is the first decoder that generates.
        ordered = sorted(decoders, key=lambda name: name != generator)
        more = {"beam": beam[0]} if beam else {}
        return Scoring.model_validate({**said, "decoders": ordered, **more})

    @cached_property
    def tuner(self) -> Tuner:
        """The model with its elements in place, their values yet to come."""
        brings = (self.plm_result.get("brings") or {}).get("element")
        plm = Plm.model_validate({"path": str(self.plm_folder), "brings": brings, **self.settings.get("limits", {})})
        return Tuner(
            plm,
            self.plm_folder,
            Elements.model_validate(self.settings.get("elements", {})),
            self.strategy,
            Tuning.model_validate({k: v for k, v in self.settings.get("tuning", {}).items() if k != "dropout"}),
            self.scoring,
            self.result.get("seed", 0),
            self.compute,
            self.settings.get("task_prefix", False),
            self.settings.get("plm_seed"),
            remembers=False,
        )

    @cached_property
    def model(self) -> TextModel:
        """The model with all of its values, primed and tuned.

        Raises:
            DataError: a file of it is missing or damaged, or was never written.
        """
        model = self.tuner.model
        if self.checkpoint:
            self.tuner.load(self.checkpoint)
        if self.kind == TUNED and self.strategy.tuned:
            self._put(model)
        return model.eval()

    def _put(self, model: TextModel) -> None:
        """Put the tuned values into the model."""
        file = self.folder / ELEMENTS_FILE
        values = load_file(checked(file)) if file.is_file() else {}
        for element in self.tuner.tuned:
            ELEMENTS[element].reshape(model, {n: v for n, v in values.items() if model.owners.get(n) == element})
        wanted = dict(model.owned_by(self.tuner.tuned))
        if missing := sorted(wanted.keys() - values.keys()):
            if any(ELEMENTS[model.owner(name)].is_base for name in missing):
                problem = f"{self.folder}: its strategy tunes the PLM, whose values were not saved"
                raise DataError(f"{problem}; set tuning.save_plm: true in the study and run snakemake again")
            raise DataError(f"{file} lacks {missing[0]}; {redo(self.folder.parent)}")
        for name, parameter in wanted.items():
            parameter.data.copy_(values[name])


def read_finished(folder: Path) -> Finished:
    """The result in a folder.

    Raises:
        DataError: none that can be used: it is another folder, or the result failed.
    """
    folder = folder.resolve()
    at = folder if (folder / RESULT).is_file() else folder.parent
    if not (at / RESULT).is_file() or (at != folder and not folder.name.startswith("best-")):
        raise DataError(f"{folder}: no result there, it has no {RESULT}; give a folder such as {_EXAMPLES}")
    result, base, kind = read_result(at), *_place(at)
    if result.get("status", "done") != "done":
        raise DataError(f"{at}: its status is {result['status']!r} ({result.get('reason')}); give one that is done")
    if at == folder and kind == PRIMED and (best := sorted(path.name for path in folder.glob("best-*"))):
        several = "it has a checkpoint for each set of elements tuned from it"
        raise DataError(f"{folder}: {several}; add /{' or /'.join(best)}")
    _check_elements(at, result)
    return Finished(folder, base, kind, result)


def _place(folder: Path) -> tuple[Path, str]:
    """The folder of the study's results, and the kind of a result in it."""
    for kind, depth in _DEPTHS.items():
        parts = folder.parts[-depth:]
        if len(parts) == depth and parts[0] == kind:
            return folder.parents[depth - 1], kind
    raise DataError(f"{folder}: it does not lie as in a study's results; allowed: {_EXAMPLES}")


def _check_elements(folder: Path, result: dict[str, Any]) -> None:
    """Raise DataError where a result has an element that is not known, as one of an extension that is not loaded."""
    for name in _named(result):
        if name not in ELEMENTS:
            problem = f"{folder / RESULT}: unknown element {name!r}{nearest(name, ELEMENTS)}"
            raise DataError(f"{problem}; name the study file whose extensions have it: --study FILE")


def _named(result: dict[str, Any]) -> Iterator[str]:
    yield from result.get("settings", {}).get("elements", {})
    yield from result.get("settings", {}).get("learning_rates", {})
