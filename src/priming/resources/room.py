"""The room on disk that results need, and whether it is there before a job starts."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from priming.elements.table import ELEMENTS
from priming.errors import DiskError, disk_error
from priming.jobs.graph import Result
from priming.resources.sizes import element_parameters, plm_size
from priming.study import Study

BESIDE = 2**18
"""Bytes of a result beside its weights: its description, curve and predictions."""


def check_room(study: Study, results: Sequence[Result], base: Path, places: Sequence[Path]) -> None:
    """Raise DiskError where a place, which need not exist, cannot be written to or lacks the room that results need."""
    if not results:
        return
    needed = int(saved_bytes(study, results, base)) + BESIDE * len(results)
    for place in places:
        here = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.is_dir())
        if not os.access(here, os.W_OK):
            refusal = errno.EROFS if os.statvfs(here).f_flag & os.ST_RDONLY else errno.EACCES
            raise disk_error(place, OSError(refusal, os.strerror(refusal)))
        free = shutil.disk_usage(here).free
        if free < needed:
            raise DiskError(
                f"{place}: about {needed:,} bytes are needed for {results[0].path}"
                f"{f' and {len(results) - 1} other results' if len(results) > 1 else ''}, and {free:,} are free; "
                "make room, and type the same command again"
            )


def saved_bytes(study: Study, results: Sequence[Result], base: Path) -> float:
    """Bytes of the weights that results of one step keep, four per parameter."""
    result = results[0]
    if result.step == "pretrain":
        return 4.0 * plm_size(study.plms[result.plm], base).parameters
    if result.step == "prime" and result.priming:
        size = plm_size(study.plms[result.plm], base)
        outer = sum(element_parameters(element, study.elements, size) for element in result.priming.outer)
        return 4.0 * len(results) * outer
    if result.step == "tune" and result.strategy:
        size = plm_size(study.plms[result.plm], base)
        saves = study.tuning.save_plm
        kept = [element for element in result.strategy.tuned if not ELEMENTS[element].is_base or saves]
        each = sum(element_parameters(element, study.elements, size) for element in kept)
        return 4.0 * each * len(results) * len(study.tasks.samples)
    return 0.0
