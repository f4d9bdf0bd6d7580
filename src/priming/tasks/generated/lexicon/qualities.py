"""Adjectives, adverbs, and the phrases that are made of them."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FOR = _words(
    "wonderful excellent superb lovely brilliant splendid fantastic amazing perfect great marvelous terrific "
    "impressive delightful"
)
_AGAINST = _words("awful terrible horrible poor ugly weak dull lousy rotten shabby miserable mediocre useless boring")


def _judged(plain: tuple[str, ...], negated: tuple[str, ...]) -> tuple[str, ...]:
    """Phrases of one opinion: a third of them says the contrary and negates it."""
    return (*plain, *(f"very {word}" for word in plain), *(f"not {word}" for word in negated))


QUALITIES: dict[str, tuple[str, ...]] = {
    "praise": _judged(_FOR, _AGAINST),
    "blame": _judged(_AGAINST, _FOR),
    "praising": _FOR,
    "blaming": _AGAINST,
    "hot_thing": _words("fire oven stove lava flame furnace steam toast candle torch"),
    "cold_thing": _words("ice glacier freezer snowman iceberg fridge icicle sleet penguin igloo"),
    "certain": ("surely", "certainly", "definitely", "clearly", "of course", "no doubt", "obviously", "undoubtedly"),
    "doubtful": ("maybe", "perhaps", "possibly", "probably", "i guess", "it may be that", "conceivably", "i suppose"),
    "achieving": (
        "managed to",
        "was able to",
        "remembered to",
        "did not forget to",
        "got round to",
        "succeeded and could",
        "took care to",
        "had the luck to",
    ),
    "failing": (
        "refused to",
        "failed to",
        "forgot to",
        "declined to",
        "was unable to",
        "did not manage to",
        "was too late to",
        "lacked the nerve to",
    ),
    "asking": (
        "why is",
        "where was",
        "how is",
        "is this",
        "was that",
        "when is",
        "does it matter that",
        "did you hear that",
    ),
    "telling": ("here is", "there was", "so it is", "this is", "that was", "it is", "i believe that", "we heard that"),
    "often": _words("often always seldom never usually rarely"),
    "looks": _words("tired hungry tall short thin busy quiet famous clever lazy"),
}
