"""Tables for reading keep what markup would take for its own."""

from priming.blocks import Block, latex_text


def test_latex_escapes() -> None:
    assert (
        latex_text("a_b & 5 % {x} #1 ~ ^ \\")
        == r"a\_b \& 5 \% \{x\} \#1 \textasciitilde{} \textasciicircum{} \textbackslash{}"
    )
    assert latex_text("maml[plm | plm x1] -> plm") == r"maml[plm \textbar{} plm x1] $\rightarrow$ plm"
    assert latex_text("-0.1 [-0.2, +0.3] n-1 -") == "$-$0.1 [$-$0.2, +0.3] n-1 -"
    assert latex_text("0.5 ± 0.1") == r"0.5 $\pm$ 0.1"


def test_pipes_of_markdown_are_escaped() -> None:
    text = Block("label", "caption", ["strategy", "x"], [["maml[plm | plm x1]", "1"]]).markdown()
    assert r"| maml[plm \| plm x1] | 1 |" in text
