"""Study files that are broken or hostile: for each, what the message must say."""

from tests.study.conftest import STUDY

LONG = "a" * 300


def added(text: str) -> str:
    return f"{STUDY}{text}\n"


def changed(old: str, new: str) -> str:
    assert STUDY.count(old) == 1
    return STUDY.replace(old, new)


def repeated(first: str, again: str) -> str:
    """Eleven lists, each nine times in the next, which is 9^11 values."""
    lines = [f"x0: &x0 {first}"]
    for number in range(1, 12):
        lines.append(f"x{number}: &x{number} {again.format(', '.join([f'*x{number - 1}'] * 9))}")
    return "\n".join(lines)


BAD_STUDIES: dict[str, tuple[str, str]] = {
    "decoders twice": (
        added("scoring: {decoders: [ranking, greedy, ranking]}"),
        "line 16, scoring.decoders: names ranking twice; keep one",
    ),
    "metrics twice": (
        added("scoring: {metrics: [accuracy, accuracy]}"),
        "line 16, scoring.metrics: names accuracy twice; keep one",
    ),
    "rates twice": (
        added("tuning: {learning_rates: {plm: [1e-3, 0.001]}}"),
        "line 16, tuning.learning_rates.plm: names 0.001 twice; keep one",
    ),
    "batch sizes twice": (
        added("tuning: {batch_sizes: [8, 4, 8]}"),
        "line 16, tuning.batch_sizes: names 8 twice; keep one",
    ),
    "rates of an exception twice": (
        added("tuning: {exceptions: [{learning_rates: {plm: [1, 1.0]}}]}"),
        "tuning.exceptions[0].learning_rates.plm: names 1.0 twice; keep one",
    ),
    "lengths twice": (added("tuning: {epochs: [2, 2]}"), "names 2 twice; keep one"),
    "figures twice": (added("figures: {draw: [tasks, tasks]}"), "figures.draw: names tasks twice; keep one"),
    "seed below zero": (added("seeds: [-1]"), "line 16, seeds[0]: -1 is not allowed; allowed: 0 or more"),
    "seed over 64 bits": (
        added("seeds: [18446744073709551616]"),
        "seeds[0]: 18446744073709551616 is not allowed; allowed: 18446744073709551615 or less",
    ),
    "seed of 5,000 digits": (added(f"seeds: [{'9' * 5000}]"), "line 16: '9999999999999999999999999999999999999...'"),
    "sample below zero": (
        changed("[d, e]", "[d, e]\n  samples: [-3]"),
        "line 9, tasks.samples[0]: -3 is not allowed; allowed: 0 or more",
    ),
    "pretraining seed below zero": (
        changed("generate: {}", "generate: {pretraining: {seed: -1}}"),
        "plms.tiny.generate.pretraining.seed: -1 is not allowed; allowed: 0 or more",
    ),
    "long name": (changed("toy", LONG), "line 1, name: 'aaaaaaaa"),
    "long name of a PLM": (changed("tiny", LONG), "not allowed; allowed: up to 150 characters"),
    "long names together": (
        changed("toy", "b" * 120).replace("tiny", "c" * 120),
        "shorten the name of the study, a PLM, a target task or a variant",
    ),
    "long variant": (
        changed("mtl[plm+adapter] -> adapter", f'"maml:{LONG}[plm | plm x1] -> plm"'),
        "strategies[2]: priming",
    ),
    "long strategy": (
        changed("mtl[plm+adapter] -> adapter", f'"none{" " * 100_000}-> plm"'),
        "strategies[2]: strategy 'none",
    ),
    "steps over 64 bits": (
        changed("mtl[plm+adapter] -> adapter", f'"maml[plm | plm x{"9" * 5000}] -> plm"'),
        "strategies[2]: strategy",
    ),
    "long path": (
        changed("generate: {}", f"path: {LONG}"),
        "cannot be looked at (File name too long); give another path",
    ),
    "path of many parts": (
        changed("generate: {}", f"path: {'a/' * 3000}"),
        "cannot be looked at (File name too long); give another path",
    ),
    "long extension": (
        added(f"extensions: [{LONG}.py]"),
        "line 16, extensions[0]: the file '",
    ),
    "device as extension": (
        added("extensions: [/dev/zero]"),
        "extensions[0]: '/dev/zero' is a device, pipe or socket; give the path of a file",
    ),
    "device as PLM": (
        changed("generate: {}", "path: /dev/null"),
        "line 4, plms.tiny.path: '/dev/null' is a device, pipe or socket; give the path of a folder",
    ),
    "long file of templates": (
        changed("source: [a, b]", f"source: [a, b]\n  define: {{q: {{templates: {LONG}}}}}"),
        "cannot be looked at (File name too long)",
    ),
    "list in itself": (added("question: &a [*a]"), "line 16: &a contains itself (*a); remove one"),
    "section in itself": (added("question: &a {x: *a}"), "line 16: &a contains itself (*a); remove one"),
    "merged into itself": (added("question: &a {<<: *a}"), "line 16: &a contains itself (*a); remove one"),
    "deep lists": (added(f"question: {'[' * 5000}{']' * 5000}"), "more than 64 lists and sections inside each other"),
    "deep sections": (added(f"question: {'{a: ' * 5000}1{'}' * 5000}"), "more than 64 lists and sections"),
    "deep by lines": (
        added("question:\n" + "\n".join(f"{' ' * depth}- " for depth in range(1, 600))),
        "more than 64 lists and sections",
    ),
    "deep by aliases": (
        added("\n".join(["x0: &x0 [1]", *(f"x{n}: &x{n} [*x{n - 1}]" for n in range(1, 3000))])),
        "more than 64 lists and sections",
    ),
    "billion laughs": (
        added(repeated("[lol]", "[{}]")),
        "more than 10,000 keys and values, counting what aliases (*name) repeat",
    ),
    "billion merged laughs": (
        added(repeated("{lol: 1}", "{{<<: [{}]}}")),
        "more than 10,000 keys and values, counting what aliases (*name) repeat",
    ),
    "many values": (added(f"seeds: [{'1,' * 60_000}]"), "more than 10,000 keys and values"),
    "large": (added(f"question: {'x' * 600_000}"), "cannot be read (it has more than 500,000 bytes); give another"),
    "no such day": (
        changed("toy", "2020-13-45"),
        "line 1: '2020-13-45' cannot be read as a value of the type 'timestamp'; put text in quotes",
    ),
    "no number": (added("question: !!int abc"), "line 16: 'abc' cannot be read as a value of the type 'int'"),
    "no decimal": (added("question: !!float abc"), "line 16: 'abc' cannot be read as a value of the type 'float'"),
    "no truth": (added("question: !!bool abc"), "line 16: 'abc' cannot be read as a value of the type 'bool'"),
    "half of a pair": (added('question: "\\ud800"'), "line 16: the character U+D800 is not for texts; remove it"),
    "path with zero": (
        changed("generate: {}", 'path: "a\\0b"'),
        "line 4: the character U+0000 is not for texts; remove it",
    ),
    "no key": (
        "x: 1\n: 3\n",
        "line 1, the file: nothing stands in place of a key on line 2; write a name before the colon",
    ),
    "list as key": (added("? [a, b]\n: 1"), "a list or section stands in place of a key on line 16"),
    "number as key": (added("3: 1"), "line 16, [3]: 3 is not allowed; allowed: keys that are text"),
    "number and text as key": (
        changed(
            "source: [a, b]",
            'source: [a, b]\n  define: {q: {labels: {1: x, "1": y}}}',
        ),
        "line 7, tasks.define.q.labels.1: duplicate key, again on line 7; keep one",
    ),
    "unknown tag": (added("question: !!python/object/apply:os.system [ls]"), "line 16: could not determine"),
    "nothing": ("", "contains no study"),
}
