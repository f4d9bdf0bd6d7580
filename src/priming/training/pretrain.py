"""Making the PLM of a study: trained here on generated texts or on the source tasks' own, or fetched."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from priming.errors import DataError
from priming.models.conversion import Source, convert
from priming.models.device import device_of
from priming.models.plm import CONVERSION_NOTE, LoadedPlm, load_plm
from priming.models.pretraining import pretrain
from priming.study.compute import Compute
from priming.study.plm import Plm, Pretraining
from priming.tasks.generated import pretraining_texts
from priming.tasks.prepared import read_task
from priming.training.keys import generator
from priming.training.record import Stopwatch, environment, write_result

REPORTED = 50


def make_plm(name: str, plm: Plm, source: Sequence[Path], base: Path, out: Path, compute: Compute) -> None:
    """Write the PLM, its tokenizer and `result.json` to `out`, as `save_pretrained` does.

    Args:
        name: what the study calls it.
        source: folders of the prepared source tasks, for a PLM that is trained on their texts.
        base: the folder of the study file, from which local paths count.
        out: an empty folder.
        compute: what it is trained on.
    """
    watch = Stopwatch()
    losses: list[float] = []
    device = torch.device("cpu")
    if plm.generate is not None:
        texts = _texts(plm.generate.pretraining, source)
        steps = plm.generate.pretraining.steps
        device = device_of(compute)
        loaded, losses = pretrain(plm.generate, texts, plm.max_input, lambda step, loss: _report(name, step, steps, loss), device)
    else:
        loaded = fetch(plm, base, out)
    _save(loaded, out)
    step = max(1, len(losses) // REPORTED)
    curve = [{"step": i + 1, "loss": losses[i]} for i in range(step - 1, len(losses), step)]
    conversion = _conversion(base / plm.path if plm.path else out)
    parameters = {"total": sum(p.numel() for p in loaded.model.parameters())}
    result = {
        "status": "done",
        "plm": name,
        "settings": plm.model_dump(mode="json"),
        "commit": conversion["commit"] if plm.convert and conversion else loaded.commit,
        "conversion": conversion,
        "curve": curve,
        "parameters": parameters,
        "seconds": watch.seconds,
    }
    write_result(out, {**result, **environment(device, "float32")})


def fetch(plm: Plm, base: Path, out: Path) -> LoadedPlm:
    """The PLM of a local folder or of the hub; of one that is converted the note on that is left in `out`. Raises DataError."""
    if plm.hub is not None and plm.convert:
        return _converted(Source(plm.hub, plm.revision), out)
    if plm.hub is not None:
        return load_plm(plm.hub, plm.revision)
    assert plm.path is not None
    folder = base / plm.path
    if not (folder / "config.json").is_file():
        raise DataError(f"{folder} is no saved model: it has no config.json. Give 'path' a folder written by save_pretrained.")
    return load_plm(folder)


def _converted(source: Source, out: Path) -> LoadedPlm:
    with tempfile.TemporaryDirectory(dir=out.parent) as work:
        folder = Path(work) / "plm"
        convert(source, folder)
        shutil.copyfile(folder / CONVERSION_NOTE, out / CONVERSION_NOTE)
        return load_plm(folder)


def _conversion(folder: Path) -> dict[str, Any] | None:
    """Where the weights of a folder that `priming convert` made are from."""
    note = folder / CONVERSION_NOTE
    return dict(json.loads(note.read_text(encoding="utf-8"))) if note.is_file() else None


def _texts(settings: Pretraining, source: Sequence[Path]) -> list[str]:
    if settings.texts == "generated":
        return pretraining_texts(settings.number, settings.seed)
    examples = [example for folder in source for example in read_task(folder).pool()]
    found = list(dict.fromkeys(" ".join([e.input, *e.targets[:1]]) for e in examples))
    order = generator("texts", settings.seed).permutation(len(found))
    return [found[i] for i in order[: settings.number]]


def _save(loaded: LoadedPlm, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    loaded.model.save_pretrained(out, safe_serialization=True)
    loaded.tokenizer.save_pretrained(out)


def _report(name: str, step: int, steps: int, loss: float) -> None:
    if step % 100 == 0 or step == steps:
        print(f"{name}: pretraining step {step} of {steps}, loss {loss:.3f}", flush=True)
