"""Values, filters and templates."""

import pytest

from priming.tasks.crossfit.language import FILTERS, ColumnError, columns, fill, filtered, value

ROW = {
    "a b": "x",
    "list": ["p", "q"],
    "answers": [{"name": ["Ann", "Bo"]}, {"name": []}],
    "parallel": {"text": ["one", "two"]},
    "deep": {"er": {"n": 3}},
    "nothing": None,
}


@pytest.mark.parametrize(("named", "expected"), [
    ("a b", "x"),
    ("list[1]", "q"),
    ("deep.er.n", 3),
    ("parallel.text", ["one", "two"]),
    ("answers.name", [["Ann", "Bo"], []]),
    ("list|spaced", "p q"),
    ("list|listed", "p, q"),
    ("deep|keys", ["er"]),
])  # fmt: skip
def test_a_path_finds_values_through_lists(named: str, expected: object) -> None:
    assert value(ROW, named) == expected


FILTERED = {
    "clean": ("  a\\nb\r\n c\t\td \\n", "a b c d"),
    "comma": ("one_comma_ two", "one, two"),
    "flat": ("a\nb\tc\rd  ", "a b c d  "),
    "glued": ("Ab C", "abc"),
    "marked_lines": ("a\nb", "a [n] b"),
    "mask": ("a <mask> b", "a [MASK] b"),
    "no_backslash_n": ("a\\nb\n", "a b\n"),
    "no_level": ("Intermediate  When Intermediate  I", "When Intermediate  I"),
    "oneline": ("a\nb\tc", "a b\tc"),
    "strip": (" a b\n", "a b"),
    "unquote": ("''a 'b'", "a 'b"),
}


@pytest.mark.parametrize("name", sorted(FILTERS.keys() - {"keys", "listed", "spaced"}))
def test_filters(name: str) -> None:
    given, expected = FILTERED[name]
    assert filtered(given, name) == expected


def test_a_template_is_filled_and_braces_of_values_stay() -> None:
    assert fill("{a b}: {list[0]|strip} {deep.er.n}!", ROW | {"a b": "{list}"}) == "{list}: p 3!"
    assert columns("{a b|clean} {*made} {deep.er}") == ["a b", "deep"]


@pytest.mark.parametrize(("template", "column", "said"), [
    ("{absent}", "absent", "no such column"),
    ("{deep.absent}", "absent", "no such column"),
    ("{list[2]}", "list", "3 or more members"),
    ("{list}", "list", "a list where text belongs"),
    ("{nothing}", "nothing", "no value"),
])  # fmt: skip
def test_what_a_row_lacks_is_named(template: str, column: str, said: str) -> None:
    with pytest.raises(ColumnError, match=said) as caught:
        fill(template, ROW)
    assert caught.value.column == column
