"""Check before any job runs whether the folders of a study's PLMs hold models, without loading one.

What is wrong with weights inside is found when they are loaded (priming.backbones.plm_folder).
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from priming.backbones.table import BACKBONES
from priming.programs import typed
from priming.study import Study
from priming.study.fields import dotted
from priming.study.problems import found_by

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
TOKENIZER = "tokenizer.json"
ANY_TOKENIZER = (TOKENIZER, "vocab.json", "vocab.txt", "*.model")
PICKLES = ("pytorch_model*.bin", "*.ckpt", "*.pt", "*.pth")
SHOWN = 8
SAVED = "give a folder written by save_pretrained"


def said_of_folders(study: Study, base: Path) -> list[str]:
    """A line for each thing that is wrong with the folders of the PLMs; `base` is the study file's folder."""
    found: list[str] = []
    families: dict[str, str] = {}
    for name, plm in study.plms.items():
        folder = plm.folder(base)
        if folder is None or not folder.is_dir():
            continue
        at = f"plms.{name}.{'package' if plm.package else 'path'}"
        wrong = [f"{at}: {said}" for said in problems_of(folder, plm.family)]
        found += wrong
        if not wrong and not plm.family:
            families[name] = _read(folder / CONFIG)["model_type"]
    return found or list(_unfit(study, families))


def problems_of(folder: Path, family: str | None = None) -> Iterator[str]:
    """What is wrong with a folder of a PLM, which is of a family if the study says so."""
    there = sorted(file.name for file in folder.iterdir())
    has = f"it has {', '.join(there[:SHOWN])}{' and more' if len(there) > SHOWN else ''}" if there else "it is empty"
    if CONFIG not in there:
        yield f"{folder} holds no model: there is no {CONFIG} ({has}); {SAVED}"
        return
    config = _read(folder / CONFIG)
    kind = config.get("model_type")
    if kind not in BACKBONES:
        said = f"has the model type {kind!r}" if kind else "has no model_type"
        yield f"{folder / CONFIG} {said}; allowed: {', '.join(BACKBONES)}"
        return
    if family and family != kind:
        yield f"{folder} is a {kind}, and the study says family: {family}; correct one of the two"
    yield from _weights(folder, has)
    yield from _tokenizer(folder, config, has)


def _weights(folder: Path, has: str) -> Iterator[str]:
    files = [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        files = [folder / name for name in sorted(set(_read(folder / INDEX).get("weight_map", {}).values()))]
    elif not files[0].is_file():
        if any(next(folder.glob(pattern), None) for pattern in PICKLES):
            convert = typed(f"priming convert {folder} --to FOLDER")
            yield f"the weights in {folder} are pickles, which are not opened; type: {convert}, and give that folder"
        else:
            yield f"{folder} has no weights ({has}); copy {WEIGHTS} there"
        return
    for file in files:
        if not file.is_file():
            yield f"{folder / INDEX} names {file.name}, which is missing; copy it there"
        elif cut := _cut(file):
            yield f"{file} {cut}; copy or download it again"


def _cut(file: Path) -> str | None:
    """Why a file of safetensors cannot be whole; None if its header and size agree."""
    with file.open("rb") as opened:
        start = opened.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else file.stat().st_size
        try:
            header = json.loads(opened.read(length)) if length < file.stat().st_size else None
        except ValueError:
            header = None
    if not isinstance(header, dict):
        return "is no file of safetensors"
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    whole = 8 + length + max(ends, default=0)
    size = file.stat().st_size
    return f"is cut short: it has {size:,} bytes of {whole:,}" if size < whole else None


def _tokenizer(folder: Path, config: dict[str, Any], has: str) -> Iterator[str]:
    if not any(next(folder.glob(pattern), None) for pattern in ANY_TOKENIZER):
        yield f"{folder} has no tokenizer ({has}); copy the files of the model's own there, such as {TOKENIZER}"
        return
    entries, file = config.get("vocab_size"), folder / TOKENIZER
    if not file.is_file() or not isinstance(entries, int):
        return
    found = _read(file)
    vocabulary = (found.get("model") or {}).get("vocab") if isinstance(found.get("model"), dict) else None
    if vocabulary is None:
        yield f"{file} is not a tokenizer; copy it from the model again"
        return
    own = vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
    added = (token.get("id", 0) for token in found.get("added_tokens") or ())
    largest = max([*own, *added], default=0)
    if largest >= entries:
        why = f"{file} has tokens up to number {largest}, and the model has {entries} (vocab_size in {CONFIG})"
        yield f"{why}: it is another model's tokenizer; copy the model's own there"


def _read(file: Path) -> dict[str, Any]:
    """The object in a file of JSON; empty if it has none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _unfit(study: Study, families: dict[str, str]) -> Iterator[str]:
    """What the study asks of PLMs that their families cannot do, now that these are known."""
    for name, family in families.items():
        plms = {key: plm.model_dump(exclude_unset=True) for key, plm in study.plms.items()}
        plms[name]["family"] = family
        data = {**study.model_dump(exclude_unset=True), "plms": plms}
        try:
            Study.model_validate(data)
        except ValidationError as error:
            for problem in found_by(error, Study, data):
                yield f"plms.{name} is a {family}, so that {dotted(problem.at)} is wrong: {problem.text}"
