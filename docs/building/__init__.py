"""What the site adds to Sphinx: pages that are written while it is built, and links that lead out of docs/."""

from sphinx.application import Sphinx

from building import commands, contents, docstrings, links


def read(app: Sphinx, page: str, source: list[str]) -> None:
    """Complete a page's text: `source` has it as its only item."""
    if page == "index":
        source[0] = contents.with_tables_of_contents(source[0])
    if page == "command-line":
        source[0] = commands.filled(source[0])
    source[0] = links.within_the_site(source[0], app.srcdir)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", read)
    app.connect("autodoc-process-docstring", docstrings.shown, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
