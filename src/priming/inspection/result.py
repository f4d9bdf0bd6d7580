"""What a result is: where it belongs, its scores, what it took, its settings, and what it was made from."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from priming.checked import damaged, read_recipe
from priming.digests import RECIPE
from priming.durations import duration
from priming.errors import DataError
from priming.inspection.page import Facts, Note, Page, Table
from priming.result_files import RESULT, read_json, read_result

TASK = "task.json"
IDENTITY = ("study", "plm", "strategy", "priming", "task", "name", "seed", "sample", "kind", "part", "origin")
RUN = ("device", "precision", "attention", "compiled", "peak_memory_mb", "peak_gpu_memory_mb", "written")
SIZES = ("steps", "examples", "flops")


def shown(place: Path) -> Page:
    """A result, or one sample of a tuned cell, given by its folder or a file in it.

    Raises:
        DataError: there is no result.
    """
    folder = place if place.is_dir() else place.parent
    home = next((above for above in (folder, *folder.parents) if (above / RECIPE).is_file()), None)
    if home is None:
        raise DataError(f"{place}: no result is here, since no {RECIPE} is in it or above it{_inside(folder)}")
    recipe = read_recipe(home / RECIPE)
    described = [_described(one) for one in _parts(place, folder)]
    wrong = list(damaged(home))
    blocks: list[Facts | Table | Note] = [Facts("", [("result", str(home)), ("files", _files(home))])]
    for one in described:
        blocks += _blocks(one)
    settings = list(_flat(recipe.get("settings", {})))
    blocks += [
        Facts("Settings", settings),
        Facts("Made from", [(name, _digest(digest)) for name, digest in recipe.get("made_of", {}).items()]),
        Facts("Data", [(name, _digest(digest)) for name, digest in recipe.get("data", {}).items()]),
        *(Note(f"damaged: {text}") for text in wrong),
    ]
    kept = {key: recipe.get(key) for key in ("settings", "made_of", "data")}
    return Page(blocks, {"result": str(home), "parts": described, **kept, "damaged": wrong})


def _inside(folder: Path) -> str:
    first = next((file.parent for file in sorted(folder.glob("*/**/" + RECIPE))), None) if folder.is_dir() else None
    return f"; a result inside is {first}" if first else "; give a folder such as results/STUDY/tuned/..."


def _parts(place: Path, folder: Path) -> Iterator[Path]:
    """The files that describe a result: of a cell, one for each sample."""
    if place.is_file() and place.suffix == ".json" and place.name != RECIPE:
        yield place
        return
    own = [folder / name for name in (RESULT, TASK) if (folder / name).is_file()]
    samples = sorted(folder.glob("sample-*"))
    yield from own or [one / RESULT if one.is_dir() else one for one in samples if one.is_dir() or _is_score(one)]


def _is_score(file: Path) -> bool:
    return file.suffix == ".json"


def _described(file: Path) -> dict[str, Any]:
    """The content of a file that describes a result; a tuned sample with its scores."""
    if file.name == TASK:
        return read_json_object(file)
    found = read_result(file.parent) if file.name == RESULT else read_json(file)
    scores = _scores_of(file)
    return found | ({"scores": read_json(scores)} if scores else {})


def read_json_object(file: Path) -> dict[str, Any]:
    """An object in a JSON file without a format number; raises DataError."""
    import json

    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {error}") from None
    return found if isinstance(found, dict) else {}


def _scores_of(file: Path) -> Path | None:
    """The scores of a tuned sample: the same place below scores/."""
    parts = list(PurePath(file.parent).parts)
    if "tuned" not in parts or not file.parent.name.startswith("sample-"):
        return None
    parts[len(parts) - 1 - parts[::-1].index("tuned")] = "scores"
    scores = Path(*parts[:-1], f"{parts[-1]}.json")
    return scores if scores.is_file() else None


def _blocks(one: Mapping[str, Any]) -> Iterator[Facts | Table]:
    status = str(one.get("status") or "") + (f": {one['reason']}" if one.get("reason") else "")
    identity = [(key, str(one[key])) for key in IDENTITY if one.get(key) is not None]
    yield Facts("What", [*identity, ("status", status), *_tuned(one), *_counts(one)])
    scores = one.get("scores", one)
    yield Table("Scores", ["rows", "decoder", "metric", "score"], list(_scores(scores)))
    yield Facts("Run", list(_run(one)))


def _tuned(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What of the model was tuned, and which run of the sweep won."""
    sizes = one.get("parameters") or {}
    if sizes.get("total"):
        tuned = sizes.get("tuned", sizes["total"])
        yield "tuned parameters", f"{tuned:,} of {sizes['total']:,} ({100 * tuned / sizes['total']:.3g} %)"
    runs, winner = one.get("runs") or [], one.get("winner")
    if winner is not None:
        best = runs[winner]
        rates = ", ".join(f"{element} {rate:g}" for element, rate in best["learning_rates"].items()) or "none"
        said = f"learning rates: {rates}; batch {best['batch_size']}; step {best['best_step']}"
        yield "winner", f"run {winner + 1} of {len(runs)} ({said}; dev {_number(best.get('best_dev'))})"
    for key in SIZES:
        if isinstance(value := one.get(key), int | float):
            yield key, f"{value:,}" if isinstance(value, int) and value < 1e7 else f"{value:.3g}"
    if one.get("kept_step") is not None:
        yield "kept step", str(one["kept_step"])


def _counts(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The rows of a task, or the examples of a tuning."""
    for key in ("examples", "counts"):
        if isinstance(found := one.get(key), dict):
            yield "rows", ", ".join(f"{name} {value}" for name, value in found.items() if not isinstance(value, dict))
    if labels := one.get("labels"):
        yield "labels", ", ".join(map(str, labels))


def _scores(scores: Mapping[str, Any]) -> Iterator[list[str]]:
    for part in ("dev", "test"):
        for decoder, found in (scores.get(part) or {}).items():
            for metric, score in found.items():
                yield [part, decoder, metric, _number(score)]
    majority = scores.get("majority") or {}
    for key, value in majority.items():
        if key.startswith("test_"):
            yield ["test", f"always {majority['label']!r}", key.removeprefix("test_"), _number(value)]


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else "-"


def _run(one: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(seconds := one.get("seconds"), int | float):
        resumed = f", resumed {len(one['resumed'])} times" if one.get("resumed") else ""
        yield "run time", f"{duration(seconds)}{resumed}"
    for key in RUN:
        if one.get(key) is not None:
            yield key.replace("_mb", " (MB)").replace("_", " "), str(one[key])
    for key in ("ran_on", "versions"):
        found = one.get(key)
        if isinstance(found, dict):
            said = ", ".join(f"{name} {value}" for name, value in found.items() if value not in (None, [], {}))
            yield key.replace("_", " "), said


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Settings by dotted key."""
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from _flat(below, f"{key}.{name}" if key else name)
    elif value not in ({}, None):
        yield key, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _digest(digest: Any) -> str:
    return f"content {digest[:16]}" if isinstance(digest, str) else "not recorded"


def _files(folder: Path) -> str:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return f"{len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:,.2f} MB"
