"""What is kept of a section is its own: a copy with other values does not see it."""

from priming.section import Section, remembered


class Numbers(Section):
    first: int = 1
    second: int = 2

    @remembered
    def summed(self, times: int = 1, *, plus: int = 0) -> int:
        calls.append(times)
        return times * (self.first + self.second) + plus


calls: list[int] = []


def test_found_once_for_the_same_arguments() -> None:
    calls.clear()
    numbers = Numbers()
    assert [numbers.summed(2), numbers.summed(2), numbers.summed(3), numbers.summed(2, plus=1)] == [6, 6, 9, 7]
    assert calls == [2, 3, 2]


def test_a_copy_begins_anew() -> None:
    numbers = Numbers()
    assert numbers.summed(1) == 3
    assert numbers.model_copy(update={"first": 5}).summed(1) == 7
    assert numbers.summed(1) == 3


def test_what_is_kept_is_no_part_of_the_section() -> None:
    numbers = Numbers()
    numbers.summed(1)
    assert numbers == Numbers()
    assert numbers.settings() == {"first": 1, "second": 2}
    assert numbers.model_dump() == {"first": 1, "second": 2}
