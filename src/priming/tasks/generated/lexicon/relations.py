"""Words that belong together: numbers in order, forms of one word, words of contrary or equal meaning."""

from itertools import combinations, permutations, product

from priming.tasks.generated.lexicon.nouns import NOUNS

Pair = tuple[str, ...]

_NUMBERS = (
    *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_UP: tuple[Pair, ...] = tuple(combinations(_NUMBERS, 2))


def _pairs(text: str) -> tuple[Pair, ...]:
    """`a/b c/d` to pairs."""
    return tuple(tuple(pair.split("/")) for pair in text.split())


_CONTRARY = _pairs(
    "big/small hot/cold tall/short rich/poor wet/dry loud/quiet fast/slow heavy/light hard/soft open/shut young/old "
    "clean/dirty "
    "dark/bright full/empty thick/thin wide/narrow strong/weak sweet/bitter sharp/blunt high/low early/late "
    "brave/cowardly deep/shallow rough/smooth"
)
_ALIKE = _pairs(
    "big/large small/little rich/wealthy loud/noisy quiet/silent fast/quick clever/smart tired/sleepy sick/ill "
    "hard/difficult "
    "simple/easy begin/start angry/mad odd/strange brave/bold glad/happy weak/feeble shut/closed wet/damp "
    "dirty/filthy strong/powerful "
    "sad/unhappy calm/peaceful famous/known"
)
_NOUNS = _pairs(
    "dog/dogs cat/cats horse/horses farmer/farmers teacher/teachers student/students singer/singers driver/drivers "
    "boy/boys girl/girls "
    "bird/birds worker/workers soldier/soldiers lawyer/lawyers cook/cooks guest/guests"
)
_VERBS = _pairs(
    "runs/run sleeps/sleep sings/sing waits/wait works/work jumps/jump smiles/smile eats/eat reads/read swims/swim "
    "talks/talk walks/walk"
)
_PREDICATES: tuple[Pair, ...] = (
    ("painted the wall", "paints the wall", "will paint the wall", "paint the wall"),
    ("cooked a meal", "cooks a meal", "will cook a meal", "cook a meal"),
    ("repaired the roof", "repairs the roof", "will repair the roof", "repair the roof"),
    ("wrote a letter", "writes a letter", "will write a letter", "write a letter"),
    ("went to school", "goes to school", "will go to school", "go to school"),
    ("bought a house", "buys a house", "will buy a house", "buy a house"),
    ("sold the car", "sells the car", "will sell the car", "sell the car"),
    ("drank some tea", "drinks some tea", "will drink some tea", "drink some tea"),
    ("taught the class", "teaches the class", "will teach the class", "teach the class"),
    ("built a boat", "builds a boat", "will build a boat", "build a boat"),
    ("played the piano", "plays the piano", "will play the piano", "play the piano"),
    ("watered the plants", "waters the plants", "will water the plants", "water the plants"),
    ("caught a fish", "catches a fish", "will catch a fish", "catch a fish"),
    ("made a cake", "makes a cake", "will make a cake", "make a cake"),
    ("fed the horse", "feeds the horse", "will feed the horse", "feed the horse"),
    ("drew a map", "draws a map", "will draw a map", "draw a map"),
)


def _formed(place: int) -> tuple[str, ...]:
    return tuple(forms[place] for forms in _PREDICATES)


def _agreeing(same: bool) -> tuple[Pair, ...]:
    """Subjects and verbs that agree in number, or do not."""
    return tuple((noun[i], verb[j]) for noun, verb, i, j in product(_NOUNS, _VERBS, (0, 1), (0, 1)) if (i == j) == same)


def _odd(place: int) -> tuple[Pair, ...]:
    """Three nouns of which the one at `place` is of another kind."""
    triples = []
    for kind, other in permutations(("animal", "fruit", "tool", "clothes"), 2):
        for (one, two), odd in product(combinations(NOUNS[kind][:8], 2), NOUNS[other][:8]):
            triples.append((*(one, two)[:place], odd, *(one, two)[place:]))
    return tuple(triples)


_KINDS = {"animal": "an animal", "fruit": "a fruit", "tool": "a tool", "clothes": "something to wear"}
_INCLUSIONS: tuple[Pair, ...] = tuple((noun, kind) for name, kind in _KINDS.items() for noun in NOUNS[name][:12])

RELATIONS: dict[str, tuple[Pair, ...] | tuple[str, ...]] = {
    "number": _NUMBERS,
    "growing": _UP,
    "shrinking": tuple((b, a) for a, b in _UP),
    "contrary": _CONTRARY + tuple((b, a) for a, b in _CONTRARY),
    "alike": _ALIKE + tuple((b, a) for a, b in _ALIKE),
    "number_forms": _NOUNS,
    "one_subject": tuple(one for one, _ in _NOUNS),
    "many_subjects": tuple(many for _, many in _NOUNS),
    "agreeing": _agreeing(True),
    "clashing": _agreeing(False),
    "odd_first": _odd(0),
    "odd_second": _odd(1),
    "odd_third": _odd(2),
    "narrower": _INCLUSIONS,
    "wider": tuple(
        (noun, kind) for noun, _ in _INCLUSIONS for kind in _KINDS.values() if (noun, kind) not in _INCLUSIONS
    ),
    "past_doing": _formed(0),
    "present_doing": _formed(1),
    "future_doing": _formed(2),
    "plain_doing": _formed(3),
}
