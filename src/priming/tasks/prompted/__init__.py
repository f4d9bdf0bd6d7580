"""The built-in questions: rows of several kinds from grammars, each asked by templates in PromptSource's format."""
