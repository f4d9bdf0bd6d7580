"""What P3's training configurations hold: examples after the cap, tokens after cuts, and how many examples are cut.

Tokens are counted in the rows of a mirror, which hold the ids of T5's tokenizer, inputs without an end token and
targets with one. End tokens are not counted: the authors cut without them and add them again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from priming.blocks import Block
from priming.errors import DataError
from priming.study.tasks import Tasks
from priming.tasks.p3.places import mirror_of
from priming.tasks.p3.registry import CAP, Config, capped, configs
from priming.tasks.progress import bar
from priming.tasks.sources.table import NO_STUDY

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_SOURCE, LONGEST_TARGET = 768, 192
"""Tokens at which Wu et al. (2022) cut, appendix A."""
MUCH = 0.01
"""The share of a configuration's examples above which appendix A counts it as cut."""
AUTHORS = ["Wu et al. (2022), appendix A", "-", "31,558,816", "5.7e9", "3.5e9", "-", "2 % (24 of 313)"]
"""Their counts: P3's table of sizes with their cap, which the paper rounds to 31.6 million, and what the paper says."""
HEADER = ["configuration", "examples", "after cap", "source tokens", "target tokens", "inputs to 192", "cut"]
NOTE = (
    "Tokens: inputs up to 768 and targets up to 192, without end tokens, of the examples after the cap, as the ids of "
    "the mirror's rows have them. Cut: the share of these examples with either above, and in brackets the number of "
    "configurations with more than 1 %. Inputs to 192: what the targets would come to if each were as long as its "
    "input, cut at 192. The authors' script counts so, and their 3.5e9 looks like its result: compare it with this "
    "column."
)


@dataclass(frozen=True)
class Counts:
    """Of the examples of one or several configurations after the cap: tokens, and the number of cut examples.

    `inputs` are tokens of inputs cut as targets are; `much` is the number of configurations with more than `MUCH` cut.
    """

    examples: int = 0
    source: int = 0
    target: int = 0
    inputs: int = 0
    cut: int = 0
    much: int = 0
    number: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, key) + getattr(other, key) for key in self.__dataclass_fields__))

    @property
    def cells(self) -> list[str]:
        """Tokens and the share of cut examples, for a table."""
        return [*(f"{count:,}" for count in (self.source, self.target, self.inputs)), f"{self.cut / self.examples:.2%}"]


def described(tasks: Tasks | None, base: Path) -> str:
    """The table of all training configurations, or of those of a study with its cap; raises DataError.

    Without a mirror, or of configurations that it lacks, no tokens are counted; the text below says which are missing.
    """
    known = [config for config in configs().values() if config.part == "train"]
    chosen = [config for config in known if tasks is None or config.name in tasks.source]
    cap = CAP if tasks is None else tasks.source_limit
    rows: list[list[str]] = []
    found: list[Counts] = []
    missing: dict[str, str] = {}
    for config in bar(chosen, "configurations", len(chosen), delay=2):
        counted = _counted(config, tasks or NO_STUDY, base, cap)
        if isinstance(counted, Counts):
            found.append(counted)
        else:
            missing[config.name] = counted
        cells = counted.cells if isinstance(counted, Counts) else ["-"] * 4
        rows.append([config.name, f"{config.rows:,}", f"{min(config.rows, cap):,}", *cells])
    rows += [*_totals(chosen, found, cap), AUTHORS]
    caption = f"P3's configurations for training, {len(chosen)} of {len(known)}, at most {cap:,} examples each"
    return Block("p3-tokens", caption, HEADER, rows, "\n".join([NOTE, *_said(missing, len(chosen))])).markdown()


def counts(lengths: "NDArray[Any]") -> Counts:
    """Tokens of one configuration after cuts; `lengths` are those of inputs and of targets [2 x examples]."""
    source, target = lengths
    cut = int(((source > LONGEST_SOURCE) | (target > LONGEST_TARGET)).sum())
    return Counts(
        examples=len(source),
        source=int(source.clip(max=LONGEST_SOURCE).sum()),
        target=int(target.clip(max=LONGEST_TARGET).sum()),
        inputs=int(source.clip(max=LONGEST_TARGET).sum()),
        cut=cut,
        much=int(cut > MUCH * len(source)),
        number=1,
    )


def _counted(config: Config, tasks: Tasks, base: Path, cap: int) -> Counts | str:
    """The counts of a configuration; why there are none where its rows are not here."""
    try:
        mirror = mirror_of(config, tasks, base)
        if mirror is None:
            return "no mirror is set; set PRIMING_HUB to a folder that 'priming tasks mirror' filled"
        files = mirror.of_split(config.name, config.train)
    except DataError as error:
        return str(error)
    lengths = _lengths(files)
    return counts(lengths[:, capped(lengths.shape[1], cap)])


def _lengths(files: Sequence[Path]) -> "NDArray[Any]":
    """The numbers of tokens of inputs and of targets [2 x rows], end tokens left out; raises DataError."""
    # Its import takes a third of a second, and only this table needs it.
    import numpy
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    found = []
    for path in files:
        try:
            file = pyarrow.parquet.ParquetFile(path)
            for batch in file.iter_batches(columns=["inputs", "targets"]):
                pair = [pyarrow.compute.list_value_length(batch.column(name)) for name in ("inputs", "targets")]
                found.append(numpy.array([lengths.to_numpy(zero_copy_only=False) for lengths in pair]))
        except (pyarrow.ArrowException, OSError, KeyError) as error:
            raise DataError(f"{path}: inputs and targets cannot be read ({error}); copy the data set again") from None
    lengths = numpy.concatenate(found, axis=1) if found else numpy.zeros((2, 0), dtype=numpy.int64)
    if not lengths.shape[1]:
        raise DataError(f"{files[0]}: contains no rows; copy the data set again")
    return lengths - numpy.array([[0], [1]])


def _totals(chosen: Sequence[Config], found: Sequence[Counts], cap: int) -> Iterator[list[str]]:
    """All configurations, and those whose tokens were counted."""
    examples = sum(config.rows for config in chosen), sum(min(config.rows, cap) for config in chosen)
    total = reduce(Counts.__add__, found, Counts())
    whole = len(found) == len(chosen) and bool(found)
    yield [f"in all ({len(chosen)})", *(f"{number:,}" for number in examples), *(_cells(total) if whole else ["-"] * 4)]
    if found and not whole:
        yield [f"counted ({len(found)})", "-", f"{total.examples:,}", *_cells(total)]


def _cells(total: Counts) -> list[str]:
    *tokens, cut = total.cells
    return [*tokens, f"{cut} ({total.much} of {total.number})"]


def _said(missing: dict[str, str], number: int) -> Iterator[str]:
    """What is missing, in one line, and why for the first of them."""
    if missing:
        first, why = next(iter(missing.items()))
        yield f"Missing: the rows of {len(missing)} of {number} configurations; their tokens are not counted."
        yield f"Of the first, {first}: {why}"
