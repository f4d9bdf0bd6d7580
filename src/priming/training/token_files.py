"""The tokens of all source tasks in files, written once for all primings that see the same (`tokens: mapped`)."""

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from priming.backbones.encoding import TextTokenizer
from priming.backbones.stored import Ids, Part, StoredRows, write_rows
from priming.backbones.stored_set import StoredSet
from priming.digests import of_json
from priming.errors import StudyError
from priming.forms.training import FormTraining
from priming.tasks.conventions import Conventions
from priming.tasks.prepared import POOL_FILE, PreparedTask

AT_ONCE = 10_000


class TokenFiles:
    """The tokens of tasks as a PLM's tokenizer has them; prompts are no part of them."""

    def __init__(
        self, folder: Path, tasks: Sequence[PreparedTask], written: Conventions, encoder: TextTokenizer
    ) -> None:
        """`folder` has those of several tokenizers and tasks, each in a folder of its own."""
        self.folder, self.tasks, self.written, self.encoder = folder, tasks, written, encoder
        self.cut: dict[str, int] = {}

    def sets(self, training: FormTraining) -> list[StoredSet]:
        """The tasks' rows, written if they are not there.

        Raises:
            StudyError: a row with several references.
        """
        stored = StoredRows(self._written(training))
        self.cut = stored.cut
        return [StoredSet.of(stored, part) for part in range(len(self.tasks))]

    def _written(self, training: FormTraining) -> Path:
        place = self.folder / self._digest()
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{place.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.is_dir():
                cut: dict[str, int] = {}
                parts = [Part(task.name, rows := _lines(task), rows) for task in self.tasks]
                write_rows(place, parts, self._rows(training, cut), len(self.encoder.tokenizer), cut)
        os.utime(place)
        return place

    def _rows(self, training: FormTraining, cut: dict[str, int]) -> Iterator[tuple[Ids, Ids]]:
        """The rows of all tasks, counting the targets that are cut."""
        for task in self.tasks:
            pool = self.written.examples(task.name, task.pool())
            cut[task.name] = 0
            for start in range(0, len(pool), AT_ONCE):
                some = pool[start : start + AT_ONCE]
                encoded = training.encoded(self.encoder, some, None, 0)
                cut[task.name] += training.cut(self.encoder, some)
                for ids, references in zip(encoded.inputs, encoded.targets, strict=True):
                    if len(references) > 1:
                        why = f"task {task.name} has rows with several references, and files of tokens have one"
                        raise StudyError(f"{why}; use tokens: memory")
                    yield ids, references[0]

    def _digest(self) -> str:
        """Of what the tokens depend on."""
        about = {
            "tokenizer": self._tokenizer(),
            "lengths": [self.encoder.max_input, self.encoder.max_output],
            "ends": [self.encoder.ends_inputs, self.encoder.ended],
            "written": [self.written.task_prefix, self.written.target_space],
            "rows": {task.name: task.sha256[POOL_FILE] for task in self.tasks},
        }
        return of_json(about)

    def _tokenizer(self) -> Any:
        """The tokenizer's rules, without what the last call asked of it."""
        backend = getattr(self.encoder.tokenizer, "backend_tokenizer", None)
        if backend is None:
            return self.encoder.tokenizer.get_vocab()
        return {
            key: value for key, value in json.loads(backend.to_str()).items() if key not in ("truncation", "padding")
        }


def _lines(task: PreparedTask) -> int:
    with (task.folder / POOL_FILE).open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
