"""Building a study's PLM: pretrained on generated texts or on those of the source tasks, or fetched."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from priming.backbones.compute import Compute
from priming.backbones.conversion import Source, convert
from priming.backbones.device import device_of
from priming.backbones.loading import CONVERSION_NOTE, LoadedPlm, load_plm, save_plm
from priming.backbones.pretraining import fresh_plm
from priming.backbones.sections import Pretraining
from priming.backbones.table import BACKBONES
from priming.digests import file_digest
from priming.errors import DataError
from priming.result_files import write_result
from priming.runs.checkpoints import CheckpointDir
from priming.runs.keys import generator
from priming.study.packaged import model_folder, package_version
from priming.study.plm import Plm
from priming.tasks.generated import pretraining_texts
from priming.tasks.languages.pretraining import language_texts
from priming.tasks.prepared import read_task
from priming.training.infilling import Pretrained, pretrain
from priming.training.record import Stopwatch, environment

UNTRAINED = Pretrained(None, [])
BUILT_IN = {"generated": pretraining_texts, "languages": language_texts}
"""Built-in texts for pretraining: from their number and a seed."""


def make_plm(
    name: str,
    plm: Plm,
    source: Sequence[Path],
    base: Path,
    out: Path,
    compute: Compute,
    place: CheckpointDir | None = None,
) -> None:
    """Write the PLM, its tokenizer and `result.json` to `out`, as `save_pretrained` does.

    A pretraining that becomes non-finite is also a result: status `failed`, with the reason and no model.

    Args:
        name: its name in the study; `plm` holds its settings.
        source: folders of the prepared source tasks, for a PLM that is pretrained on their texts.
        base: the folder of the study file, to which local paths are relative.
        out: an empty folder.
        compute: the device and precision.
        place: the folder to save the state of a pretraining in and resume from, if any.

    Raises:
        StoppedError: the pretraining was stopped by a signal.
    """
    watch, device, found = Stopwatch(), torch.device("cpu"), UNTRAINED
    if plm.generate is not None:
        device, texts = device_of(compute), _texts(plm.generate.pretraining, source)
        loaded = fresh_plm(plm.generate, texts)
        torch.nn.Module.to(loaded.model, device)
        found = pretrain(name, loaded, texts, plm.generate.pretraining, plm.max_input, watch, place)
    else:
        loaded = fetch(plm, base, out)
        _check(name, plm, loaded)
    if found.failure is None:
        _save(loaded, out)
    conversion = _conversion(plm.folder(base) or out)
    result: dict[str, Any] = {"status": "failed" if found.failure else "done", "reason": found.failure, "plm": name}
    result |= {**_origin(plm, loaded, conversion), "curve": found.curve}
    result |= {"seconds": watch.seconds, "resumed": watch.resumed}
    write_result(out, {**result, **environment(device, "float32")})


def _origin(plm: Plm, loaded: LoadedPlm, conversion: Mapping[str, Any] | None) -> dict[str, Any]:
    """The origin of a PLM, what it brings, and its size."""
    brought = loaded.brought
    return {
        "settings": plm.model_dump(mode="json", exclude={"family", "leave_out", "package", "brings", "prime"}),
        **_package(plm),
        **({"brings": {"element": brought.element, "length": brought.length}} if brought else {}),
        "commit": conversion["commit"] if plm.convert and conversion else loaded.commit,
        "conversion": conversion,
        "parameters": {"total": sum(p.numel() for p in loaded.model.parameters())},
    }


def _package(plm: Plm) -> dict[str, Any]:
    """The package that ships a PLM: its name and version, and the SHA-256 of the weights."""
    if plm.package is None:
        return {}
    files = sorted(model_folder(plm.package).glob("*.safetensors"))
    about = {"name": plm.package, "version": package_version(plm.package)}
    return {"package": about | {"sha256": {file.name: file_digest(file) for file in files}}}


def fetch(plm: Plm, base: Path, out: Path) -> LoadedPlm:
    """Load a PLM from a folder, a package or the hub; a conversion is recorded in `out`. Raises DataError."""
    if plm.hub is not None and plm.convert:
        return _converted(Source(plm.hub, plm.revision), out, plm.brings)
    if plm.hub is not None:
        return load_plm(plm.hub, plm.revision, brings=plm.brings)
    folder = plm.folder(base)
    assert folder is not None
    if not (folder / "config.json").is_file():
        raise DataError(
            f"{folder} is not a saved model: it has no config.json. Give 'path' a folder written by save_pretrained."
        )
    return load_plm(folder, brings=plm.brings)


def _check(name: str, plm: Plm, loaded: LoadedPlm) -> None:
    """Raise DataError where the study says otherwise of the family, or takes longer inputs than the model does."""
    found = loaded.model.config.model_type
    if plm.family not in (None, found):
        wrong = f"plms.{name}.family is {plm.family!r}, but the model's config.json says {found!r}"
        raise DataError(f"{wrong}; write family: {found}")
    longest = BACKBONES[found].longest_input(loaded.model.config)
    if longest is not None and plm.max_input > longest:
        raise DataError(
            f"plms.{name}.max_input is {plm.max_input}, but the model has positions for {longest} tokens; "
            f"allowed: at most {longest}"
        )


def _converted(source: Source, out: Path, brings: str | None) -> LoadedPlm:
    with tempfile.TemporaryDirectory(dir=out.parent) as work:
        folder = Path(work) / "plm"
        convert(source, folder)
        shutil.copyfile(folder / CONVERSION_NOTE, out / CONVERSION_NOTE)
        return load_plm(folder, brings=brings)


def _conversion(folder: Path) -> dict[str, Any] | None:
    """The origin of weights that `priming convert` wrote to a folder; None for other folders."""
    note = folder / CONVERSION_NOTE
    return dict(json.loads(note.read_text(encoding="utf-8"))) if note.is_file() else None


def _texts(settings: Pretraining, source: Sequence[Path]) -> list[str]:
    if settings.texts in BUILT_IN:
        return BUILT_IN[settings.texts](settings.number, settings.seed)
    examples = [example for folder in source for example in read_task(folder).pool()]
    found = list(dict.fromkeys(" ".join([e.input, *e.targets[:1]]) for e in examples))
    order = generator("texts", settings.seed).permutation(len(found))
    return [found[i] for i in order[: settings.number]]


def _save(loaded: LoadedPlm, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    save_plm(loaded, out)
