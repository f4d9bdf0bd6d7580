"""The user's files."""

from pathlib import Path

from priming.study.definition import Files
from priming.study.files import left_to_dvc
from priming.tasks.reading.files import data_files
from priming.tasks.sources.defined import DefinedSource


class OwnFiles(DefinedSource):
    """Files of training and of test rows, and of development rows where there are any."""

    key, preparing, memory = "files", "priming.tasks.defined.files", 1000

    @property
    def _files(self) -> Files:
        files = self.definition.files
        assert files
        return files

    @property
    def own_files(self) -> tuple[str, ...]:
        """All that it names."""
        return tuple(self._files.named.values())

    @property
    def has_dev_split(self) -> bool:
        """Whether it names a file of it."""
        return self._files.dev is not None

    def raw_files(self, base: Path) -> list[Path]:
        """All, or none where DVC has them still; raises DataError where one is missing."""
        if any(left_to_dvc(base / file) for file in self.own_files):
            return []
        return sorted(data_files(self.task, self._files, base).values())

    def row_problems(self, base: Path, *, drawn: bool) -> tuple[list[str], list[str]]:
        """Reads all rows; nothing where DVC has the files still."""
        from priming.tasks.row_check import row_problems

        return row_problems(self.task, self.tasks, base, drawn=drawn) if self.raw_files(base) else ([], [])


SOURCE = OwnFiles
