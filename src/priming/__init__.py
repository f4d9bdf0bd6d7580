"""Priming: prepare a pretrained language model for parameter-efficient few-shot tuning, and measure what it brings.

Shapes in docstrings use one notation: R runs side by side, B examples, S source tokens, T target tokens, L labels,
D model width, V vocabulary.
"""

__version__ = "0.1.0"
