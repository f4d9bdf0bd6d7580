"""Very many rows: what is stored is read, passes see each row once, batches are found without the whole order."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from priming.backbones.stored import Part, Passes, StoredRows, write_rows
from priming.errors import DataError
from priming.runs.keys import key
from priming.runs.shuffled import Shuffled

PARTS = (Part("a", 6_000, 6_000), Part("b", 5_000, 3_000, 7), Part("c", 1_000, 1_000))


def ids(row: int) -> tuple[list[int], list[int]]:
    """An input of 1 to 15 tokens, and a target."""
    length = row * 7919 % 15 + 1
    return [(row + place) % 60_000 for place in range(length)], [row % 100, 1]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredRows:
    folder = tmp_path_factory.mktemp("stored") / "rows"
    write_rows(folder, PARTS, map(ids, range(12_000)), 65_536)
    return StoredRows(folder)


def test_rows_are_those_that_were_written(stored: StoredRows) -> None:
    assert stored.parts == PARTS
    assert len(stored) == 10_000
    for row in (0, 1, 5_999, 11_999):
        assert stored.pair(row) == ids(row)
    assert stored.lengths(np.array([3, 11_000, 4])).tolist() == [len(ids(row)[0]) for row in (3, 11_000, 4)]


def test_of_a_capped_part_some_rows_are_used_always_the_same(stored: StoredRows) -> None:
    rows = stored.rows(np.arange(10_000))
    assert rows[:6_000].tolist() == list(range(6_000))
    assert rows[9_000:].tolist() == list(range(11_000, 12_000))
    kept = rows[6_000:9_000]
    assert len(set(kept.tolist())) == 3_000
    assert kept.min() >= 6_000
    assert kept.max() < 11_000
    assert kept.tolist() == (6_000 + Shuffled(5_000, 7)(np.arange(3_000))).tolist()


def plain_pass(stored: StoredRows, run_key: int, number: int, size: int, grouped: int) -> list[int]:
    """The order of a whole pass, by lists."""
    places = Shuffled(len(stored), key("pass", run_key, number))(np.arange(len(stored)))
    rows = [int(row) for row in stored.rows(places)]
    offset = -number * len(stored) % size
    found = rows[:offset]
    for start in range(offset, len(rows), grouped * size):
        group = rows[start : start + grouped * size]
        if grouped > 1:
            group = sorted(group, key=lambda row: len(ids(row)[0]))
            whole = len(group) // size
            order = Shuffled(whole, key("group", run_key, number, start))(np.arange(whole)) if whole else []
            group = [row for batch in order for row in group[batch * size : (batch + 1) * size]] + group[whole * size :]
        found += group
    return found


@pytest.mark.parametrize(("size", "grouped"), [(64, 1), (64, 20), (96, 7), (4_096, 2)])
def test_batches_are_those_of_a_plain_order_and_see_each_row_once(stored: StoredRows, size: int, grouped: int) -> None:
    passes = Passes(stored, 5, size, grouped)
    plain = [row for number in range(3) for row in plain_pass(stored, 5, number, size, grouped)]
    steps = len(plain) // size
    for step in (0, steps - 1, steps // 2, 1, len(stored) // size):
        assert passes.batch(step).tolist() == plain[step * size : (step + 1) * size]
    found = np.concatenate([passes.batch(step) for step in range(steps)]).tolist()
    assert found == plain[: steps * size]
    assert set(Counter(found[: len(stored)]).values()) == {1}
    assert set(found[: len(stored)]) == set(stored.rows(np.arange(len(stored))).tolist())


def test_grouped_batches_have_little_padding(stored: StoredRows) -> None:
    def filled(passes: Passes) -> float:
        batches: Sequence[np.ndarray] = [stored.lengths(passes.batch(step)) for step in range(100)]
        return sum(own.sum() for own in batches) / sum(len(own) * own.max() for own in batches)

    assert filled(Passes(stored, 5, 64, 20)) > 0.85
    assert filled(Passes(stored, 5, 64)) < 0.6


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.arrow").write_bytes(b"nothing")
    with pytest.raises(DataError, match="rows.arrow: no rows can be read"):
        len(StoredRows(tmp_path))
    with pytest.raises(ValueError, match="3 rows of 4"):
        write_rows(tmp_path / "few", [Part("a", 4, 4)], map(ids, range(3)), 100)
    with pytest.raises(OverflowError):
        write_rows(tmp_path / "few", [Part("a", 1, 1)], [([1] * 70_000, [1])], 100)
    assert not (tmp_path / "few").exists()


LOOK = """
import json, sys, time
from pathlib import Path
import numpy as np
from priming.backbones.stored import Passes, StoredRows

def anonymous():
    return sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Anonymous:"))

stored, before = StoredRows(Path(sys.argv[1])), anonymous()
seconds = []
for step in (0, len(stored) // 4096 // 2):
    start = time.perf_counter()
    rows = Passes(stored, 5, 4096, 50).batch(step)
    pairs = [stored.pair(int(row)) for row in rows]
    seconds.append(time.perf_counter() - start)
lengths = stored.lengths(rows)
found = {"seconds": seconds, "anonymous": anonymous(), "used": len(stored), "different": len(set(rows.tolist()))}
print(json.dumps(found | {"lengths": [int(lengths.min()), int(lengths.max())]}))
"""


@pytest.mark.slow
def test_thirty_million_rows(tmp_path: Path) -> None:
    """The first batch and one of the middle are found at once, in little memory."""
    import pyarrow as pa

    from priming.backbones import stored as module

    parts = [Part(f"t{n}", 1_000_000, 500_000 if n < 10 else 1_000_000, n) for n in range(30)]
    schema = pa.schema(
        [(name, pa.large_list(pa.uint16())) for name in module.COLUMNS],
        metadata={module._ABOUT: json.dumps(parts).encode()},
    )
    random = np.random.default_rng(0)
    # As `write_rows` writes them, without a Python list for each row.
    with (
        (tmp_path / module.LENGTHS).open("wb") as counted,
        pa.OSFile(str(tmp_path / module.IDS), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        for _ in range(300):
            columns = []
            for most in (15, 3):
                lengths = random.integers(1, most + 1, size=module.ROWS_AT_ONCE)
                if most == 15:
                    counted.write(lengths.astype(np.uint16).tobytes())
                offsets = np.concatenate([[0], np.cumsum(lengths)])
                values = random.integers(0, 32_000, size=int(offsets[-1]), dtype=np.uint16)
                columns.append(pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(values)))
            writer.write_batch(pa.record_batch(columns, schema=schema))
    done = subprocess.run([sys.executable, "-c", LOOK, str(tmp_path)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["used"] == 25_000_000
    assert found["different"] == 4096
    assert found["lengths"][1] - found["lengths"][0] <= 1
    assert found["anonymous"] < 500_000, "kilobytes"
    print(f"seconds: {found['seconds']}; anonymous memory: {found['anonymous'] / 1000:.0f} MB")
