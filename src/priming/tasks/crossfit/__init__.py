"""The CrossFit gym (Ye et al., 2021): 160 few-shot tasks as data, drawn as CrossFit draws them."""
