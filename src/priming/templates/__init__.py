"""Templates that turn rows of a data set into inputs and outputs, in Jinja, as PromptSource writes them."""
