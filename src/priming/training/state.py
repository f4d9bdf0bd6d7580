"""State to go on from: a training that is stopped or killed starts again where it was last saved.

The state is what a step leaves behind; random numbers are functions of the step (`priming.training.keys`) and need none.
A folder holds the tensors, `step-<n>.safetensors`, and `state.json`, which is replaced last and names that file and its
SHA-256. What does not fit or is broken is not used, with a warning.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from safetensors.torch import load_file, save_file
from torch import Tensor, tensor

from priming.contents import file_digest
from priming.errors import StoppedError
from priming.training import stopping

FORMAT = 1
POINTER = "state.json"
SHARE = 0.02
"""Saving takes at most this share of the time."""
SOONEST = 30.0
"""Seconds between two states at the least."""


class State(NamedTuple):
    """Part of a training's state: tensors by name, and the rest as JSON."""

    tensors: Mapping[str, Tensor]
    rest: Any = None


class Stateful(Protocol):
    """Part of a training that changes as it goes on."""

    def state(self) -> State:
        """What it holds after a step."""

    def go_on_from(self, state: State) -> None:
        """Take over what another process held."""


@dataclass(frozen=True)
class Place:
    """The folder of a training's state, and the key of what is trained; a state with another key is not its own."""

    folder: Path
    key: str


class Keeper:
    """Keeps the state of a training: on a timer, and when it is told to stop."""

    def __init__(
        self,
        place: Place,
        parts: Mapping[str, Stateful],
        writes: bool = True,
        agreed: Callable[[bool], bool] = bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep `parts` by name.

        Args:
            place: where.
            parts: what changes from step to step.
            writes: false for the processes of a training that leave it to another.
            agreed: from whether this process was told to stop to whether the training is.
            clock: seconds.
        """
        self.place, self.parts, self.writes, self.agreed, self.clock = place, parts, writes, agreed, clock
        self.step, self.losses = 0, tensor([])
        self._saved, self._cost = clock(), 0.0

    def start(self) -> tuple[int, Tensor]:
        """Take over the state that is there; the number of steps done and their last losses [R], 0 and none without one."""
        if found := _read(self.place):
            tensors, about = found
            for name, part in self.parts.items():
                own = {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}
                part.go_on_from(State(own, about["parts"][name]))
            self.step, self.losses = about["step"], tensor(about["losses"])
            print(f"going on after step {self.step}, from {self.place.folder}", flush=True)
        return self.step, self.losses

    def after_step(self, step: int, losses: Tensor) -> None:
        """Note that a step is done, and save the state where it is time; raises StoppedError where the training was told to stop."""
        self.step, self.losses = step, losses
        if self.agreed(stopping.asked()):
            stopping.stop()
        if self.clock() - self._saved >= max(SOONEST, self._cost / SHARE):
            self.save()

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Within it, being told to stop saves the state and ends in a StoppedError that says so."""
        try:
            with stopping.listening():
                yield
        except StoppedError:
            self.save()
            raise StoppedError(f"told to stop after step {self.step}; the same command goes on from there ({self.place.folder})") from None

    def save(self) -> None:
        """Save the state after the last step."""
        begun = self.clock()
        if self.writes and self.step:
            states = {name: part.state() for name, part in self.parts.items()}
            tensors = {f"{name}/{key}": value.detach().cpu().clone() for name, state in states.items() for key, value in state.tensors.items()}
            rest = {name: state.rest for name, state in states.items()}
            _write(self.place, tensors, {"step": self.step, "losses": self.losses.tolist(), "parts": rest})
        self._saved = self.clock()
        self._cost = self._saved - begun


def _write(place: Place, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    place.folder.mkdir(parents=True, exist_ok=True)
    file = place.folder / f"step-{about['step']}.safetensors"
    part = place.folder / f".{file.name}.{os.getpid()}"
    save_file(tensors, part)
    _replace(part, file)
    pointer = place.folder / f".{POINTER}.{os.getpid()}"
    pointer.write_text(json.dumps({"format": FORMAT, "key": place.key, "file": file.name, "sha256": file_digest(file), **about}), encoding="utf-8")
    _replace(pointer, place.folder / POINTER)
    for old in [*place.folder.glob("step-*.safetensors"), *place.folder.glob(".step-*")]:
        if old != file:
            old.unlink(missing_ok=True)


def _replace(part: Path, file: Path) -> None:
    """Put a written file into its place, on the disk and not only in the cache of the system."""
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(file)


def _read(place: Place) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
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
    print(f"warning: the state in {place.folder} is not used, since {reason}; starting anew", file=sys.stderr, flush=True)
    return None


def _wrong(place: Place, about: dict[str, Any], file: Path) -> str | None:
    if about["format"] != FORMAT or about["key"] != place.key:
        return "it is of another training"
    return None if file_digest(file) == about["sha256"] else f"{file.name} is damaged"
