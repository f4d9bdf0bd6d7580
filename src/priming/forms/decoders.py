"""How an answer is found, and what each way answers about itself."""

from typing import Final, NamedTuple


class Decoder(NamedTuple):
    """A decoder.

    Attributes:
        generates: whether it writes any text, and so needs no labels.
        beams: whether it uses the setting `beam`.
    """

    generates: bool = True
    beams: bool = False


RANKING: Final = "ranking"
GREEDY: Final = "greedy"
BEAM: Final = "beam"

DECODERS = {
    RANKING: Decoder(generates=False),
    GREEDY: Decoder(),
    BEAM: Decoder(beams=True),
}
