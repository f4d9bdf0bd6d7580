"""Files that are made from the sections of the study file are as the sections are now, and serve editors."""

from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from priming.errors import DataError
from priming.study import Study, reference
from priming.study.document import read, written
from priming.study.fields import dotted, walk

ROOT = Path(__file__).parents[2]
STUDIES = [ROOT / "config.yaml", *sorted((ROOT / "studies").glob("*.yaml"))]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(reference.schema())
    return jsonschema.Draft202012Validator(reference.schema())


def test_generated_files_are_current(project: Path) -> None:
    stale = [
        str(path) for path, text in reference.generated(project).items() if path.read_text(encoding="utf-8") != text
    ]
    assert not stale, "type: priming schema --write"


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_the_schema_accepts_the_shipped_studies(validator: jsonschema.Draft202012Validator, study: Path) -> None:
    assert not [f"{error.json_path}: {error.message}" for error in validator.iter_errors(read(study).data)]


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_the_first_line_names_the_schema(project: Path, study: Path) -> None:
    first = study.read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (study.parent / first.partition("=")[2]).resolve() == project / reference.SCHEMA


def test_the_schema_accepts_every_default(validator: jsonschema.Draft202012Validator) -> None:
    tasks = {"source": ["a"], "target": ["b"]}
    study = Study.model_validate(
        {"name": "least", "plms": {"p": {"generate": {}}}, "tasks": tasks, "strategies": ["none -> plm"]}
    )
    assert not [
        f"{error.json_path}: {error.message}" for error in validator.iter_errors(YAML(typ="safe").load(written(study)))
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"nam": "x"},
        {"seeds": ["one"]},
        {"tuning": {"stesp": 3}},
        {"priming": {"variants": {"maml:first": {"ordr": "first"}}}},
        {"priming": {"variants": {"mlt:first": {}}}},
    ],
)
def test_the_schema_refuses(validator: jsonschema.Draft202012Validator, change: dict[str, object]) -> None:
    data = read(ROOT / "config.yaml").data
    assert validator.is_valid(data)
    assert not validator.is_valid({**data, **change})


def test_the_reference_lists_every_key(project: Path) -> None:
    page = (project / reference.REFERENCE).read_text(encoding="utf-8")
    for key, section in walk(Study):
        assert not key or f"`{dotted(key)}`" in page
        for name, field in section.model_fields.items():
            assert f"| `{name}` |" in page
            assert field.description or hasattr(field.annotation, "model_fields") or name == "tasks", (
                f"{dotted(key)}.{name} is not described"
            )


def test_a_page_without_its_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no line .* in it; type this in the project's folder"):
        reference.write(tmp_path)


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / reference.REFERENCE).write_text(f"kept\n{reference.BEGIN}\nold\n", encoding="utf-8")
    assert reference.write(tmp_path) == [tmp_path / reference.SCHEMA, tmp_path / reference.REFERENCE]
    assert reference.write(tmp_path) == []
    assert (tmp_path / reference.REFERENCE).read_text(encoding="utf-8").startswith("kept\n")
