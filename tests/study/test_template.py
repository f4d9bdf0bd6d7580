"""Templates of inputs."""

import pytest

from priming.study.template import columns_of, fill


def test_columns_come_in_order_and_once() -> None:
    assert columns_of("{b} {{c}} {a b} {b}") == ("b", "a b")


def test_values_are_put_in_as_they_are() -> None:
    assert fill("{{{a}}} {b}", {"a": "{b}", "b": "x"}) == "{{b}} x"


@pytest.mark.parametrize(("template", "message"), [
    ("{text", "cannot be read"),
    ("text}", "cannot be read"),
    ("text", "names no column"),
    ("{{text}}", "names no column"),
    ("{}", "write only a column's name between braces"),
    ("{text!r}", "write only a column's name between braces"),
    ("{text:>10}", "write only a column's name between braces"),
])  # fmt: skip
def test_a_bad_template_is_refused(template: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        columns_of(template)
