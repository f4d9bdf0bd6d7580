"""Converting a PLM whose weights are a pickle into a folder with safetensors, which studies can name.

A checkpoint of a training, which has neither configuration nor tokenizer, is converted with those of another model.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from transformers.utils.hub import cached_file, extract_commit_hash

from priming.atomic import atomic_folder
from priming.backbones.brought import Brought
from priming.backbones.loading import CONVERSION_NOTE, FOLDER_INSTEAD, load_config, load_plm, load_tokenizer, save_plm
from priming.backbones.table import BACKBONES
from priming.digests import file_digest
from priming.errors import DataError
from priming.hub_access import cache_or_clear_error

FORMAT = 1
CONFIG, WEIGHTS, INDEX = "config.json", "pytorch_model.bin", "pytorch_model.bin.index.json"
CONVERTED = ("model.safetensors", "model.safetensors.index.json")
BESIDE = (
    CONFIG,
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
)
"""What is taken over with the weights; none of it is a pickle."""


@dataclass(frozen=True)
class Source:
    """A model on the hub, or in a folder, where it has no revision."""

    place: str
    revision: str | None

    def file(self, name: str) -> Path | None:
        """Where a file of it lies here, fetched if need be; None if it has none of this name. Raises DataError."""
        try:
            found = cached_file(self.place, name, revision=self.revision, _raise_exceptions_for_missing_entries=False)
        except (OSError, ValueError) as error:
            reason = str(error).strip().split("\n", maxsplit=1)[0]
            advice = "give a folder, or an id on the hub and --revision <commit>"
            raise DataError(f"{self}: {name} cannot be had ({reason}); {advice}") from error
        return Path(found) if found else None

    def __str__(self) -> str:
        return f"{self.place} at {self.revision}" if self.revision else self.place


def convert(source: Source, to: Path, checkpoint: Path | None = None) -> dict[str, Any]:
    """Write the model and its tokenizer to the new folder `to`, as `save_pretrained` does, and note their origin.

    With a `checkpoint`, the weights are from there, and all else from `source`. The pickles are opened by
    `priming.backbones.unpickle` in a process of its own. The model must load whole from what that wrote, no tensor
    missing and none superfluous; else there is no folder `to`. A prompt that the weights come with is put beside them.

    Returns the note.

    Raises:
        DataError: nothing to convert, or a file that is no state dict.
        UnreachableError: there is no network, and the cache of the hub lacks a file.
    """
    if source.revision is None:
        return _convert(source, to, checkpoint)
    with cache_or_clear_error(f"the PLM {source}", FOLDER_INSTEAD):
        return _convert(source, to, checkpoint)


def _convert(source: Source, to: Path, checkpoint: Path | None) -> dict[str, Any]:
    if to.exists():
        raise DataError(f"{to} is there already; name a new folder with --to")
    if (config := source.file(CONFIG)) is None:
        advice = "give a folder written by save_pretrained, or an id on the hub"
        raise DataError(f"{source}: no PLM there, it has no {CONFIG}; {advice}") from FileNotFoundError(CONFIG)
    if checkpoint is None and any(source.file(name) for name in CONVERTED):
        raise DataError(f"{source} has safetensors weights; name it in the study as it is")
    pickles = [checkpoint] if checkpoint else _pickles(source)
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=f".{to.name}.") as work, atomic_folder(to) as made:
        taken = Path(work)
        for name in BESIDE:
            if file := source.file(name):
                shutil.copyfile(file, taken / name)
        _unpickle(pickles, taken / CONVERTED[0])
        said = ", ".join(map(str, pickles))
        try:
            brought = _take_apart(taken, said)
            _save(taken, brought, made)
        except DataError as error:
            raise DataError(str(error).replace(str(taken), said)) from error
        origin: dict[str, Any] = {"source": source.place, "revision": source.revision}
        origin |= {"commit": extract_commit_hash(str(config), None)}
        origin |= {"checkpoint": str(checkpoint)} if checkpoint else {}
        origin |= {"brings": {"element": brought.element, "length": brought.length}} if brought else {}
        return _note(origin, pickles, made)


def _pickles(source: Source) -> list[Path]:
    """The files of the weights: one, or those that an index names."""
    if whole := source.file(WEIGHTS):
        return [whole]
    if (index := source.file(INDEX)) is None:
        problem = f"{source}: there is nothing to convert, neither {WEIGHTS} nor {INDEX}"
        raise DataError(problem) from FileNotFoundError(WEIGHTS)
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{index} is no index of weights ({error!r})") from None
    files = [source.file(name) if isinstance(name, str) and Path(name).name == name else None for name in names]
    if missing := [str(name) for name, file in zip(names, files, strict=True) if file is None]:
        raise DataError(f"{source}: {INDEX} names {', '.join(missing)}, which is not there")
    return [file for file in files if file]


def _unpickle(pickles: list[Path], out: Path) -> None:
    command = [sys.executable, "-m", "priming.backbones.unpickle", str(out), *map(str, pickles)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        said = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
        names = ", ".join(map(str, pickles))
        raise DataError(
            said[0]
            if said
            else f"{names} was not converted: the process that read it ended with status {done.returncode}"
        )


def _take_apart(taken: Path, source: str) -> Brought | None:
    """Leave the tensors of the PLM alone in `taken`, by the names of transformers; what came with them is returned."""
    config, entries = load_config(taken), len(load_tokenizer(taken))
    weights = taken / CONVERTED[0]
    release = BACKBONES[config.model_type].released(load_file(weights), config, entries, source)
    if release is None:
        return None
    weights.unlink()
    save_file(release.plain, weights, {"format": "pt"})
    said = json.loads((taken / CONFIG).read_text(encoding="utf-8"))
    (taken / CONFIG).write_text(json.dumps({**said, "vocab_size": release.vocabulary}), encoding="utf-8")
    return Brought(release.element, release.values, source) if release.element else None


def _save(taken: Path, brought: Brought | None, made: Path) -> None:
    """Save in float32 what loads from `taken`, complete and with tied tensors once; else the configuration is kept."""
    save_plm(replace(load_plm(taken), brought=brought), made)
    config: dict[str, Any] = json.loads((taken / CONFIG).read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)
    (made / CONFIG).write_text(
        json.dumps({**config, "dtype": "float32"}, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )


def _note(origin: Mapping[str, Any], pickles: list[Path], made: Path) -> dict[str, Any]:
    note = {
        "format": FORMAT,
        **origin,
        "sha256": {file.name: file_digest(file) for file in pickles},
        "converted": {file.name: file_digest(file) for file in sorted(made.glob("*.safetensors"))},
        "versions": {package: version(package) for package in ("torch", "transformers", "safetensors")},
    }
    (made / CONVERSION_NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
    return note
