"""Priming: prepare a pretrained language model for parameter-efficient few-shot tuning, and measure what it brings.

Shapes in docstrings use one notation: R runs side by side, M tasks of a meta-batch, B examples, P prompt vectors, S
source tokens, T target tokens, L labels, D model width, V vocabulary. Other dimensions are written out, as those of
scores: [tasks x primings x samples].
"""

__version__ = "0.1.0"
