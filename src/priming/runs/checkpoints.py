"""Saved state: a training that was stopped or killed resumes where it was last saved.

The state is taken after a step; random numbers are functions of the step (`priming.runs.keys`) and have no state.
A folder holds the tensors, `step-<n>.safetensors`, and `state.json`, which is replaced last and has the SHA-256 of that
file and of itself. A state that is damaged or of another training is refused with a warning, and kept as `refused-*`
beside its place. Training goes on when its state cannot be saved.
"""

import copy
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, tensor

from priming.atomic import atomic_file
from priming.digests import file_digest, of_json
from priming.errors import StoppedError
from priming.runs import stopping
from priming.tensor_files import all_finite, write_tensors

FORMAT = 2
REFUSED = "refused-"
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


@runtime_checkable
class Checked(Protocol):
    """A part that knows what its state must look like."""

    def wrong(self, state: State, step: int) -> str | None:
        """Why a state after a step is none of this training; None if it may be."""


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
        self.unsaved = ""
        """Why the last state could not be saved."""

    def start(self, steps: int) -> tuple[int, Tensor]:
        """Load the saved state of this training of `steps`, once; returns the steps done and their last losses [R].

        Without a state, or if it is refused, these are 0 and none.
        """
        started, self._started = self._started, True
        if started or not (self.place.folder / POINTER).is_file():
            return self.step, self.losses
        try:
            about = self._taken_over(*self._found(steps))
        except _RefusedError as error:
            _refuse(self.place.folder, str(error), self.writes)
            return self.step, self.losses
        self.step, self.losses = about["step"], tensor(about["losses"])
        print(f"resuming after step {self.step}, from {self.place.folder}", flush=True)
        return self.step, self.losses

    def _found(self, steps: int) -> tuple[dict[str, State], dict[str, Any]]:
        """The state of each part; raises _RefusedError where it is damaged, or of another training."""
        tensors, about = _read(self.place)
        step, rest = about.get("step"), about.get("parts")
        if not isinstance(step, int) or not 0 < step <= steps:
            raise _RefusedError(f"it is one after step {step} of a training of {steps}")
        if not _are_losses(about.get("losses")):
            raise _RefusedError("its losses are no numbers")
        if not isinstance(rest, dict) or rest.keys() != self.parts.keys():
            raise _RefusedError("it has other parts than this training")
        if broken := [name for name, values in tensors.items() if not all_finite(values)]:
            raise _RefusedError(f"{broken[0]} has NaN or infinity")
        states = {name: State(dict(_of(name, tensors)), rest[name]) for name in rest}
        for name, part in self.parts.items():
            if isinstance(part, Checked) and (wrong := part.wrong(states[name], step)):
                raise _RefusedError(wrong)
        return states, about

    def _taken_over(self, states: dict[str, State], about: dict[str, Any]) -> dict[str, Any]:
        """Let each part load its state; raises _RefusedError, with all parts as before, where one cannot."""
        before = {name: copy.deepcopy(part.state()) for name, part in self.parts.items()}
        try:
            for name, part in self.parts.items():
                part.load_state(states[name])
            tensor(about["losses"])
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            for name, part in self.parts.items():
                part.load_state(before[name])
            raise _RefusedError(f"it does not fit this training ({type(error).__name__}: {error})") from error
        return about

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
            from_there = f"the same command resumes from there ({self.place.folder})"
            lost = f"its state could not be saved, so the same command resumes from an earlier one: {self.unsaved}"
            raise StoppedError(
                f"stopped by a signal after step {self.step}; {lost if self.unsaved else from_there}"
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
            self._try_to_write(tensors, {"step": self.step, "losses": self.losses.tolist(), "parts": rest})
        self._saved = self.clock()
        self._cost = self._saved - begun

    def _try_to_write(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Training is worth more than its state: it goes on, and says loudly what it could not save."""
        try:
            _write(self.place, tensors, about)
            self.unsaved = ""
        except OSError as error:
            self.unsaved = f"{error.filename or self.place.folder}: {error.strerror or error}"
            print(
                f"WARNING: the state after step {self.step} could not be saved; training goes on, but would be resumed "
                f"from an earlier state after a kill: {self.unsaved}",
                file=sys.stderr,
                flush=True,
            )


def _are_losses(found: Any) -> bool:
    """Whether these can be the losses [R] of a step."""
    return isinstance(found, list) and all(isinstance(one, float) for one in found)


def _of(name: str, tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a part."""
    for key, value in tensors.items():
        if key.startswith(f"{name}/"):
            yield key.removeprefix(f"{name}/"), value


def _write(place: CheckpointDir, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    place.folder.mkdir(parents=True, exist_ok=True)
    file = place.folder / f"step-{about['step']}.safetensors"
    write_tensors(file, tensors)
    state = json.loads(json.dumps({"key": place.key, "file": file.name, "sha256": file_digest(file), **about}))
    with atomic_file(place.folder / POINTER) as part:
        part.write_text(json.dumps({"format": FORMAT, "sha256": of_json(state), "state": state}), encoding="utf-8")
    for old in [*place.folder.glob("step-*.safetensors"), *place.folder.glob(".step-*")]:
        if old != file:
            old.unlink(missing_ok=True)


def _read(place: CheckpointDir) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the rest of a saved state; raises _RefusedError."""
    try:
        pointer = json.loads((place.folder / POINTER).read_bytes())
        about = pointer["state"]
        if pointer["format"] != FORMAT:
            raise _RefusedError("it belongs to another version")
        if of_json(about) != pointer["sha256"]:
            raise _RefusedError(f"{POINTER} is damaged")
        if about["key"] != place.key:
            raise _RefusedError("it belongs to another training")
        file = place.folder / about["file"]
        if file_digest(file) != about["sha256"]:
            raise _RefusedError(f"{file.name} is damaged")
        return load_file(file), about
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        raise _RefusedError(f"it cannot be read ({error})") from error


class _RefusedError(Exception):
    """A state that is not used, and why."""


def _refuse(folder: Path, reason: str, moves: bool) -> None:
    """Say why a state is not used, and keep it beside its place, where it is not looked for."""
    kept = folder.with_name(f"{REFUSED}{folder.name}")
    if moves:
        shutil.rmtree(kept, ignore_errors=True)
        folder.rename(kept)
    print(
        f"warning: the state in {folder} is not used, since {reason}; it is kept as {kept}, and training starts anew "
        "from step 0",
        file=sys.stderr,
        flush=True,
    )
