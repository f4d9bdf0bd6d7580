"""Every mistake in a study file is named: line, key, value, what is allowed, what to type next."""

from collections.abc import Callable
from pathlib import Path

import pytest

from priming.errors import StudyError
from priming.study import Study, load_study
from priming.study.document import written
from priming.study.problems import Problem
from priming.study.tasks import Tasks

Changed = Callable[..., Path]
SEEDS = "strategies:\n"


def message(path: Path) -> str:
    with pytest.raises(StudyError) as caught:
        load_study(path)
    return str(caught.value)


def listed(path: Path) -> list[str]:
    """The problems that the message lists, without first and last line."""
    return [line.strip() for line in message(path).splitlines()[1:-1]]


def test_reads_yaml_1_2(study_file: Path) -> None:
    study = load_study(study_file)
    assert study.priming.mtl.learning_rates.plm == 0.001
    assert study.tasks.target == ["d", "e"]
    assert study.seeds == [1, 2]


def test_yes_and_no_are_text(changed: Changed) -> None:
    study = load_study(changed(("name: toy", "name: no")))
    assert study.name == "no"


def test_strategies_are_kept_in_one_spelling(changed: Changed) -> None:
    study = load_study(
        changed(
            ("mtl[plm+adapter] -> adapter", '"mtl[ adapter + plm ]->adapter"'),
            (SEEDS, f'scoring: {{arg_baseline: "none->plm"}}\n{SEEDS}'),
        )
    )
    assert study.strategies[2] == "mtl[plm+adapter] -> adapter"
    assert study.scoring.arg_baseline == "none -> plm"


@pytest.mark.parametrize(
    ("scoring", "strategy", "expected"),
    [
        ("", "none -> plm", "none -> plm"),
        ("", "none -> prompt", "none"),
        ("scoring: {beam: 2}\n", "none -> prompt", "none"),
        ("scoring: {arg_baseline: chance}\n", "none -> prompt", "chance"),
        ("scoring: {arg_baseline: none}\n", "none -> plm", "none"),
    ],
)
def test_the_default_baseline_fits_every_study(changed: Changed, scoring: str, strategy: str, expected: str) -> None:
    study = load_study(changed((f"{SEEDS}  - none -> plm", f"{scoring}{SEEDS}  - {strategy}")))
    assert study.scoring.arg_baseline == expected
    assert study.scoring.has_arg == (expected != "none")
    assert Study.model_validate(study.model_dump()) == study


def test_all_problems_in_one_message(changed: Changed) -> None:
    path = changed(
        ("name: toy", "name: my toy"), ("1e-3", "-1"), ("    generate: {}", "    generate: {}\n    max_inputt: 3")
    )
    text = message(path)
    assert text.splitlines()[0] == f"{path}: 3 problems"
    assert text.splitlines()[-1] == f"correct the file, then type: priming check {path}"
    assert listed(path) == [
        "line 1, name: 'my toy' is not allowed; allowed: letters, digits, '.', '_' and '-', "
        "the first a letter or digit",
        "line 5, plms.tiny.max_inputt: unknown key 'max_inputt'; did you mean 'max_input' or 'max_output'?; "
        "allowed: generate, path, package, hub, revision, family, leave_out, prime, brings, convert, seeds, "
        "max_input, max_output, end_tokens",
        "line 12, priming.mtl.learning_rates.plm: -1 is not allowed; allowed: more than 0",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "name: toy\n",
            "",
            "not in the file, name: is missing; add 'name: ...' (Folder of the results, under results/)",
        ),
        ("1e-3", "fast", "line 11, priming.mtl.learning_rates.plm: 'fast' is not allowed; allowed: a number"),
        ("1e-3", '"1e-3"', "priming.mtl.learning_rates.plm: '1e-3' is not allowed; allowed: a number"),
        ("1e-3", ".inf", "priming.mtl.learning_rates.plm: inf is not allowed; allowed: a finite number"),
        (SEEDS, f"seeds: [1, 2.5]\n{SEEDS}", "line 12, seeds[1]: 2.5 is not allowed; allowed: a whole number"),
        (SEEDS, f"seeds: []\n{SEEDS}", "line 12, seeds: [] is not allowed; allowed: 1 or more entries"),
        (SEEDS, f"seeds: 3\n{SEEDS}", "line 12, seeds: 3 is not allowed; allowed: a list, as in [a, b]"),
        (SEEDS, f"seeds: [7, 7]\n{SEEDS}", "line 12, seeds: names 7 twice; keep one"),
        (SEEDS, f"tuning: {{steps: true}}\n{SEEDS}", "tuning.steps: true is not allowed; allowed: a whole number"),
        (
            SEEDS,
            f"tuning:\n{SEEDS}",
            "line 12, tuning: is not a section; allowed: keys with values (steps, epochs, evaluate_every",
        ),
        (SEEDS, f"tuning: {{warmup: 1}}\n{SEEDS}", "tuning.warmup: 1 is not allowed; allowed: less than 1"),
        (
            SEEDS,
            f"scoring: {{metric: acuracy}}\n{SEEDS}",
            "'acuracy' is not allowed; did you mean 'accuracy'?; allowed: 'accuracy', 'macro_f1_free'",
        ),
        (
            "    generate: {}",
            "    max_input: 8",
            "line 3, plms.tiny: give exactly one of generate, path, package, hub (given: none)",
        ),
        ("  development: [c]", "  development: [a]", "tasks: a in both source and development; a task plays one part"),
        ("  development: [c]", "  development: [c]\n  samples: [13, 13]", "tasks: samples names 13 twice"),
        (
            "-> adapter\n  - mtl",
            "-> adaptr\n  - mtl",
            "line 14, strategies[1]: 'none -> adaptr': unknown element 'adaptr'; did you mean 'adapter'?",
        ),
        (
            "mtl[plm+adapter] ->",
            "mlt[plm] ->",
            "strategies[2]: priming 'mlt[plm]': unknown algorithm 'mlt'; did you mean 'mtl' or 'maml'?; "
            "allowed: none, mtl, maml",
        ),
        (
            "-> adapter\n  - mtl",
            "-> prompt (with adapter)\n  - mtl",
            "'adapter' cannot be kept in place, its priming does not tune it",
        ),
    ],
)
def test_names_a_mistake(changed: Changed, old: str, new: str, expected: str) -> None:
    (line,) = listed(changed((old, new)))
    assert expected in line


MAML = "learning_rates: {plm: 1}, inner_learning_rates: {plm: 1}"
ONE_SOURCE = ("  source: [a, b]", "  source: [a]")
PRIMED = ("mtl[plm+adapter] -> adapter", '"maml[plm | plm x1] -> plm"')
VARIANT = ("mtl[plm+adapter] -> adapter", '"maml:first[plm | plm x1] -> plm"')
TASKS = "2 tasks a meta-batch, and tasks.source has 1; allowed: no more"
UNSAID = "the file has no priming.maml.tasks, and 2 is its default: add 'tasks: ...' under priming.maml"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            [(SEEDS, f"scoring:\n  metrics: [exact_match]\n{SEEDS}")],
            "line 12, scoring.metric: 'accuracy' selects but is not reported; add it to scoring.metrics (exact_match); "
            "the file has no scoring.metric, and 'accuracy' is its default: add 'metric: ...' under scoring",
        ),
        (
            [("generate: {}", "generate: {architecture: {d_model: 8}}")],
            "not in the file, elements.adapter.bottleneck: 16 is no bottleneck of a PLM with width 8; "
            "allowed: 1, 2, 4 (PLM 'tiny'); the file has no elements.adapter.bottleneck, and 16 is its default: "
            "add 'elements: {adapter: {bottleneck: ...}}' to the file",
        ),
        (
            [("generate: {}", "generate: {}\n    max_input: 600")],
            "line 4, plms.tiny.generate.architecture.positions: 128 positions do not hold max_input 600; "
            "allowed: 600 or more; the file has no plms.tiny.generate.architecture.positions, and 128 is its default: "
            "add 'architecture: {positions: ...}' under plms.tiny.generate",
        ),
        (
            [ONE_SOURCE, PRIMED, ("  mtl:\n", f"  maml: {{{MAML}}}\n  mtl:\n")],
            f"line 10, priming.maml.tasks: {TASKS}; {UNSAID}",
        ),
        (
            [
                *(ONE_SOURCE, VARIANT),
                ("  mtl:\n", f"  maml: {{{MAML}}}\n  variants: {{maml:first: {{order: first}}}}\n  mtl:\n"),
            ],
            f"line 10, priming.maml.tasks: {TASKS}; {UNSAID}",
        ),
    ],
)
def test_an_error_in_a_default_says_so(changed: Changed, changes: list[tuple[str, str]], expected: str) -> None:
    assert listed(changed(*changes)) == [expected]


@pytest.mark.parametrize(
    ("section", "at"),
    [
        ("  maml: {tasks: 2, %s}\n", "line 10, priming.maml.tasks"),
        ("  maml: {%s}\n  variants: {maml:first: {tasks: 2}}\n", "line 11, priming.variants.maml:first.tasks"),
        (
            "  maml: {%s}\n  plms: {tiny: {maml: {tasks: 2}}}\n  variants: {maml:first: {}}\n",
            "line 11, priming.plms.tiny.maml.tasks",
        ),
    ],
)
def test_a_value_that_the_file_has_somewhere_is_no_default(changed: Changed, section: str, at: str) -> None:
    strategy = VARIANT if "maml:first" in section else PRIMED
    assert listed(changed(ONE_SOURCE, strategy, ("  mtl:\n", f"{section % MAML}  mtl:\n"))) == [f"{at}: {TASKS}"]


def test_a_key_that_is_merged_in_is_no_default(changed: Changed) -> None:
    """YAML's `<<` takes the keys of another mapping, which have no line of their own here."""
    merged = f"  maml: &meta {{tasks: 2, {MAML}}}\n  reptile: {{<<: *meta}}\n"
    strategy = ("mtl[plm+adapter] -> adapter", '"reptile[plm | plm x1] -> plm"')
    path = changed(ONE_SOURCE, strategy, ("  mtl:\n", f"{merged}  mtl:\n"))
    assert listed(path) == [f"line 11, priming.reptile.tasks: {TASKS}"]


def test_a_misspelt_section_is_both_unknown_and_missing(changed: Changed) -> None:
    missing, unknown = listed(changed(("strategies:", "stratgies:")))
    meaning = "Strategies, such as `mtl[plm] -> adapter`; see docs/strategies.md"
    assert missing == f"not in the file, strategies: is missing; add 'strategies: ...' ({meaning})"
    assert unknown.startswith(
        "line 12, stratgies: unknown key 'stratgies'; did you mean 'strategies'?; allowed: name, title"
    )


def test_arms_of_a_union_are_one_problem(changed: Changed) -> None:
    hub = '  define:\n    d:\n      hub: {id: x/y, train: 7}\n      input: "{text}"\n      output: label\npriming:\n'
    (line,) = listed(changed(("priming:\n", hub)))
    assert (
        line == "line 11, tasks.define.d.hub.train: 7 is not allowed; allowed: a list, as in [a, b] or text, "
        "in quotes if it looks like a number"
    )


def test_missing_files_name_what_is_there(changed: Changed, tmp_path: Path) -> None:
    defined = (
        '  define:\n    d:\n      files: {train: rows/trian.csv, test: row/test.csv}\n      input: "{text}"\n'
        "      output: label\npriming:\n"
    )
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "train.csv").write_text("text,label\n")
    train, test = listed(changed(("priming:\n", defined)))
    assert train == (
        f"line 11, tasks.define.d.files.train: there is no file '{tmp_path}/rows/trian.csv'; "
        f"did you mean 'train.csv'?; '{tmp_path}/rows' exists; paths are relative to the study file"
    )
    assert f"tasks.define.d.files.test: there is no file '{tmp_path}/row/test.csv'; did you mean 'rows'?" in test


def test_a_missing_model_folder_is_named(changed: Changed) -> None:
    (line,) = listed(changed(("generate: {}", "path: models/bart")))
    assert "line 4, plms.tiny.path: there is no folder" in line


def test_further_checks_of_tasks_are_listed_with_the_rest(changed: Changed, tmp_path: Path) -> None:
    def check(tasks: Tasks, folder: Path) -> list[Problem]:
        return [Problem(("tasks", "target", 1), f"{tasks.target[1]!r} in {folder}")]

    path = changed(("name: toy", "name: 5"))
    with pytest.raises(StudyError) as caught:
        load_study(path, [check])
    assert f"line 8, tasks.target[1]: 'e' in {tmp_path}" in str(caught.value)
    assert "line 1, name: 5 is not allowed" in str(caught.value)


def test_keys_named_twice(changed: Changed) -> None:
    text = listed(
        changed(
            ("  development: [c]", "  source: [c]"),
            ("    learning_rates:", "    learning_rates: {}\n    learning_rates:"),
        )
    )
    assert text == [
        "line 6, tasks.source: duplicate key, again on line 7; keep one",
        "line 11, priming.mtl.learning_rates: duplicate key, again on line 12; keep one",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "name: !!python/object/apply:os.getcwd []\n",
            "line 1: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object",
        ),
        ("name: [toy\nplms: {}\n", "line 2: expected ',' or ']'"),
        ("name: toy\n\tplms: {}\n", "line 2: "),
        ("", "contains no study; allowed: YAML keys with values"),
        ("- toy\n", "contains no study; allowed: YAML keys with values"),
    ],
)
def test_refuses_what_is_no_study(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    assert f"{path}: {expected}" in message(path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert "the study file cannot be read (No such file or directory)" in message(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: \xfc".encode("latin-1"))
    assert "the study file cannot be read (it is not UTF-8)" in message(tmp_path / "latin.yaml")


def test_nothing_is_made(changed: Changed, tmp_path: Path) -> None:
    path = changed(("name: toy", "nam: toy"))
    before = sorted(tmp_path.rglob("*"))
    message(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_study_with_every_default_filled_in_is_the_same_study(changed: Changed, tmp_path: Path) -> None:
    study = load_study(changed((SEEDS, f"tuning: {{clip: null, dropout: 0}}\n{SEEDS}")))
    full = tmp_path / "full.yaml"
    full.write_text(written(study))
    assert load_study(full) == study
    assert study.tuning.clip is None
    assert isinstance(study, Study)
