"""Pretrained language models, the elements attached to them, and the one forward pass that everything uses."""
