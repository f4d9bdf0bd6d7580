"""Lines of CrossFit's files."""

import hashlib
from pathlib import Path

from priming.forms.rows import Example
from priming.tasks.crossfit.lines import as_read, content, line, md5, unseen


def test_an_example_is_a_line() -> None:
    assert line(Example(" a\tb", ("x", "y\n"))) == " a\tb\tx\ty\n\n"
    assert line(Example("a", ())) == "a\t\n"
    assert md5([Example("é", ("x",))]) == hashlib.md5("é\tx\n".encode()).hexdigest()


def test_crossfits_reader_strips_lines_and_divides_at_tabs(tmp_path: Path) -> None:
    examples = [Example("  a ", ("x ", " y", "")), Example("b\rc", ("z",)), Example("d\te", ("f",)), Example("g", ())]
    (tmp_path / "file.tsv").write_bytes(content(examples))
    with (tmp_path / "file.tsv").open(encoding="utf-8") as file:
        read = [line.strip().split("\t") for line in file.readlines()]
    assert as_read(examples, "crossfit") == [Example(first, tuple(rest)) for first, *rest in read if rest]
    assert as_read(examples, "crossfit") == [
        Example("a ", ("x ", " y")),
        Example("c", ("z",)),
        Example("d", ("e", "f")),
    ]


def test_the_mended_have_single_spaces_and_no_empty_references() -> None:
    assert as_read([Example(" a\n b", ("x  y", "", "x y")), Example("c", ("",))], "fixed") == [Example("a b", ("x y",))]


def test_unseen_leaves_out_what_the_sample_has() -> None:
    a, b, c = (Example(text, ("x",)) for text in "abc")
    assert unseen([a, b, c, Example("a", ("y",))], [a], [b]) == [c]
