"""Update rules, which turn gradients into steps: one file each."""
