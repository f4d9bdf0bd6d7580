"""Keys that a table adds to a section are its own: neither the base class nor another section gets them.

On one Python 3.12.3, sections that were defined later once demanded the keys of elements.
"""

from priming.section import Section, add_fields, rebuild


def test_added_keys_belong_to_one_section() -> None:
    class Bare(Section):
        pass

    class Other(Section):
        own: int = 1

    for section in (Bare, Other):
        add_fields(section, {"added": (int | None, None), "set": (int, 3)})
        rebuild(section)

    class Later(Section):
        pass

    assert Bare(added=2).model_dump() == {"added": 2, "set": 3}
    assert Other().model_dump() == {"own": 1, "added": None, "set": 3}
    assert list(Later.model_fields) == list(Section.model_fields) == []
    assert set(Section.__annotations__) == {"later"}
    assert list(Other.__annotations__) == ["own", "added", "set"]
