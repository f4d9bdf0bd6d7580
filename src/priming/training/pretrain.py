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
from priming.models.pretraining import fresh_plm
from priming.study.compute import Compute
from priming.study.plm import Plm, Pretraining
from priming.tasks.generated import pretraining_texts
from priming.tasks.prepared import read_task
from priming.training.infilling import Pretrained, pretrain
from priming.training.keys import generator
from priming.training.record import Stopwatch, environment, write_result
from priming.training.state import Place

UNTRAINED = Pretrained(None, [])


def make_plm(name: str, plm: Plm, source: Sequence[Path], base: Path, out: Path, compute: Compute, place: Place | None = None) -> None:
    """Write the PLM, its tokenizer and `result.json` to `out`, as `save_pretrained` does.

    A pretraining that goes non-finite is a result too: status `failed`, with the reason and without a model.

    Args:
        name: what the study calls it; `plm` is what it says of it.
        source: folders of the prepared source tasks, for a PLM that is trained on their texts.
        base: the folder of the study file, from which local paths count.
        out: an empty folder.
        compute: what it is trained on.
        place: where the state of a training is kept that may be stopped.

    Raises:
        StoppedError: a signal told a pretraining to stop.
    """
    watch, device, found = Stopwatch(), torch.device("cpu"), UNTRAINED
    if plm.generate is not None:
        device, texts = device_of(compute), _texts(plm.generate.pretraining, source)
        loaded = fresh_plm(plm.generate, texts)
        torch.nn.Module.to(loaded.model, device)
        found = pretrain(name, loaded, texts, plm.generate.pretraining, plm.max_input, watch, place)
    else:
        loaded = fetch(plm, base, out)
    if found.failure is None:
        _save(loaded, out)
    conversion = _conversion(base / plm.path if plm.path else out)
    result = {
        "status": "failed" if found.failure else "done",
        "reason": found.failure,
        "plm": name,
        "settings": plm.model_dump(mode="json"),
        "commit": conversion["commit"] if plm.convert and conversion else loaded.commit,
        "conversion": conversion,
        "curve": found.curve,
        "parameters": {"total": sum(p.numel() for p in loaded.model.parameters())},
        "seconds": watch.seconds,
        "resumed": watch.resumed,
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
