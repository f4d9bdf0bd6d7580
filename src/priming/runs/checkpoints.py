"""Saved state: a training that was stopped or killed resumes where it was last saved.

The state is taken after a step; random numbers are functions of the step (`priming.runs.keys`) and have no state.
A folder holds the tensors, `step-<n>.safetensors`, and `state.json`, which is replaced last and names that file and its
SHA-256. A state that is damaged or of another training is not used, with a warning.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from safetensors.torch import load_file, save_file
from torch import Tensor, tensor

from priming.atomic import atomic_file
from priming.digests import file_digest
from priming.errors import StoppedError
from priming.runs import stopping

FORMAT = 1
POINTER = "state.json"
MAX_OVERHEAD = 0.02
"""Saving takes at most this fraction of the time."""
SOONEST = 30.0
"""Minimum seconds between two saves."""


class State(NamedTuple):
    """Part of a training's state: tensors by name, and the rest as JSON."""

    tensors: Mapping[str, Tensor]
    rest: Any = None


class Stateful(Protocol):
    """Part of a training that changes from step to step."""

    def state(self) -> State:
        """The state after a step."""

    def load_state(self, state: State) -> None:
        """Restore the state saved by an earlier process."""


@dataclass(frozen=True)
class CheckpointDir:
    """The folder of a training's state, and the training's key; a state with another key is not used."""

    folder: Path
    key: str


class Checkpointer:
    """Saves the state of a training: on a timer, and when it is stopped by a signal."""

    def __init__(
        self,
        place: CheckpointDir,
        parts: Mapping[str, Stateful],
        writes: bool = True,
        agreed: Callable[[bool], bool] = bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Save and restore `parts`.

        Args:
            place: the folder and the key.
            parts: everything that changes from step to step, by name.
            writes: false for processes that leave saving to another.
            agreed: maps whether this process was asked to stop to whether any process of the training was.
            clock: returns seconds.
        """
        self.place, self.parts, self.writes, self.agreed, self.clock = place, parts, writes, agreed, clock
        self.step, self.losses = 0, tensor([])
        self._began = self._saved = clock()
        self._cost, self._started = 0.0, False

    def start(self) -> tuple[int, Tensor]:
        """Load the saved state, if any, once; returns the steps done and their last losses [R], else 0 and none."""
        found = None if self._started else _read(self.place)
        self._started = True
        if found:
            tensors, about = found
            for name, part in self.parts.items():
                own = {
                    key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")
                }
                part.load_state(State(own, about["parts"][name]))
            self.step, self.losses = about["step"], tensor(about["losses"])
            print(f"resuming after step {self.step}, from {self.place.folder}", flush=True)
        return self.step, self.losses

    def after_step(self, step: int, losses: Tensor) -> None:
        """Note that a step is done, and save the state when due; raises StoppedError if training is to stop."""
        self.step, self.losses = step, losses
        if self.agreed(stopping.requested()):
            stopping.stop()
        if self.clock() - self._saved >= max(SOONEST, self._cost / MAX_OVERHEAD):
            self.save()

    @contextmanager
    def saving(self) -> Iterator[None]:
        """In its body, a StoppedError saves the state and is raised again with the step and the folder."""
        try:
            with stopping.listening():
                yield
        except StoppedError:
            self.save()
            raise StoppedError(
                f"stopped by a signal after step {self.step}; the same command resumes from there ({self.place.folder})"
            ) from None

    def end(self) -> None:
        """Save the state of a training that is done, if it took long, since a job may have more to train."""
        if self.clock() - self._began >= SOONEST:
            self.save()

    def save(self) -> None:
        """Save the state after the last step."""
        begun = self.clock()
        if self.writes and self.step:
            states = {name: part.state() for name, part in self.parts.items()}
            tensors = {
                f"{name}/{key}": value.detach().to("cpu", copy=True)
                for name, state in states.items()
                for key, value in state.tensors.items()
            }
            rest = {name: state.rest for name, state in states.items()}
            _write(self.place, tensors, {"step": self.step, "losses": self.losses.tolist(), "parts": rest})
        self._saved = self.clock()
        self._cost = self._saved - begun


def _write(place: CheckpointDir, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    place.folder.mkdir(parents=True, exist_ok=True)
    file = place.folder / f"step-{about['step']}.safetensors"
    with atomic_file(file) as part:
        save_file(tensors, part)
    pointer = {"format": FORMAT, "key": place.key, "file": file.name, "sha256": file_digest(file), **about}
    with atomic_file(place.folder / POINTER) as part:
        part.write_text(json.dumps(pointer), encoding="utf-8")
    for old in [*place.folder.glob("step-*.safetensors"), *place.folder.glob(".step-*")]:
        if old != file:
            old.unlink(missing_ok=True)


def _read(place: CheckpointDir) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    if not (place.folder / POINTER).is_file():
        return None
    try:
        about = json.loads((place.folder / POINTER).read_bytes())
        file = place.folder / about["file"]
        reason = _wrong(place, about, file)
        if reason is None:
            return load_file(file), about
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"it cannot be read ({error})"
    print(
        f"warning: the state in {place.folder} is not used, since {reason}; starting from step 0",
        file=sys.stderr,
        flush=True,
    )
    return None


def _wrong(place: CheckpointDir, about: dict[str, Any], file: Path) -> str | None:
    if about["format"] != FORMAT or about["key"] != place.key:
        return "it belongs to another training"
    return None if file_digest(file) == about["sha256"] else f"{file.name} is damaged"
