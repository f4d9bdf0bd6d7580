"""The public pool of prompts (P3, Sanh et al., 2022) as Wu et al. (2022) use it."""
