"""The CrossFit gym (Ye et al., 2021): 160 few-shot tasks as data, sampled like in CrossFit."""
