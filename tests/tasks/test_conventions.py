"""CrossFit's conventions on texts, and what they do to token ids."""

from pathlib import Path

from transformers import AutoTokenizer

from priming.backbones.encoding import TextTokenizer
from priming.forms.rows import Example
from priming.tasks.conventions import Conventions

EXAMPLES = [Example("red cat", ("good", "fine"))]


def ids(folder: Path, form: Conventions) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    data = TextTokenizer(AutoTokenizer.from_pretrained(folder), 40, 40).examples(
        (row.input, row.targets) for row in form.examples("glue-mnli", EXAMPLES)
    )
    return data.inputs[0], data.targets[0]


def test_texts_as_they_are_and_as_crossfit_has_them() -> None:
    assert Conventions().examples("glue-mnli", EXAMPLES) == EXAMPLES
    assert Conventions(True, True).examples("glue-mnli", EXAMPLES) == [
        Example(" [glue-mnli] red cat", (" good", " fine"))
    ]


def test_a_space_before_a_target_is_another_entry_of_a_byte_level_vocabulary(spaceless: Path, plm_folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(spaceless)
    _, (plain, _) = ids(spaceless, Conventions())
    _, (spaced, _) = ids(spaceless, Conventions(target_space=True))
    assert tokenizer.convert_ids_to_tokens(spaced) == ["Ġgood", "</s>"]
    assert tokenizer.convert_ids_to_tokens(plain)[0] != "Ġgood"
    assert (
        tokenizer.decode(plain, skip_special_tokens=True)
        == tokenizer.decode(spaced, skip_special_tokens=True).strip()
        == "good"
    )
    assert ids(plm_folder, Conventions()) == ids(plm_folder, Conventions(target_space=True))


def test_the_task_comes_first_and_the_words_after_it_stay(spaceless: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(spaceless)
    prefixed, _ = ids(spaceless, Conventions(task_prefix=True))
    assert tokenizer.decode(prefixed) == " [glue-mnli] red cat</s>"
    spaced = tokenizer(" red cat")["input_ids"]
    assert prefixed[-len(spaced) :] == tuple(spaced) != tuple(tokenizer("red cat")["input_ids"])
