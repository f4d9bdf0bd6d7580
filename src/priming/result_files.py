"""JSON files of results: written without NaN and infinities, and read with one clear message if they are broken."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from priming.checked import checked, redo
from priming.digests import RECIPE
from priming.errors import DataError

FORMAT = 1
RESULT = "result.json"


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write `value` with the number of its format; numbers that are not finite become null, since JSON has none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **finite(dict(value))}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_result(folder: Path, result: Mapping[str, Any]) -> None:
    """Write `result.json`."""
    write_json(folder / RESULT, result)


def read_result(folder: Path) -> dict[str, Any]:
    """Read `result.json`; raises DataError where it is missing, broken or of another format."""
    return read_json(folder / RESULT)


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote; raises DataError where it is missing, broken or of another format."""
    try:
        found = json.loads(checked(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing{_lost(path.parent)}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}); {redo(path.parent)}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataError(f"{path}: 'format' must be {FORMAT}, the format that this version reads; {redo(path.parent)}")
    return found


def _lost(folder: Path) -> str:
    """What to do about a missing file: Snakemake makes a result that is not there."""
    for place in (folder, *folder.parents):
        if (place / RECIPE).is_file():
            return f"; {redo(place)}"
    return "; run snakemake, which makes it"


def finite(value: Any) -> Any:
    """The value with null in place of every number that is not finite."""
    if isinstance(value, dict):
        return {key: finite(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
