"""Families of pretrained models: loading, the passes that they offer, elements in them."""
