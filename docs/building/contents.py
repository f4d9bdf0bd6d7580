"""The site's navigation: the links of docs/index.md, section by section."""

import re

SECTION = re.compile(r"(?m)^## (.*)$")
PAGE = re.compile(r"\[([^\]]+)\]\(([\w-]+)\.md\)")


def sections(index: str) -> dict[str, dict[str, str]]:
    """The pages that each section of the index links to, in its order, with the texts of the links."""
    _, *parts = SECTION.split(index)
    found = zip(parts[::2], parts[1::2], strict=True)
    return {title: {page: name for name, page in pages} for title, text in found if (pages := PAGE.findall(text))}


def with_tables_of_contents(index: str) -> str:
    """The index with a hidden table of contents for each section, from which Sphinx makes the navigation."""
    trees = [_tree(title, pages) for title, pages in sections(index).items()]
    return "\n\n".join([index, *trees, ""])


def _tree(title: str, pages: dict[str, str]) -> str:
    entries = [f"{name} <{page}>" for page, name in pages.items()]
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *entries, "```"])
