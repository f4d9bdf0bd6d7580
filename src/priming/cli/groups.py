"""Command groups that suggest similar commands, and list commands by what they are for."""

from typing import Any

import typer

from priming.errors import nearest

STUDIES = "Studies"
RESULTS = "Results"
DATA = "Tasks and models"
SHARING = "Sharing"
SETUP = "Setup and reference"
WORKFLOW = "Called by the workflow and by DVC"
ORDER = (STUDIES, RESULTS, DATA, SHARING, SETUP, WORKFLOW)


class NearestGroup(typer.core.TyperGroup):
    """A command group that answers an unknown command with similar ones."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command named by the first argument."""
        name, known = args[0], self.list_commands(ctx)
        if name not in known:
            ctx.fail(f"there is no command {name!r}{nearest(name, known)}; allowed: {', '.join(known)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands in sections; those without one come first."""
        sections: dict[str, list[tuple[str, str]]] = {name: [] for name in ("Commands", *ORDER)}
        names = self.list_commands(ctx)
        width = formatter.width - 6 - max(map(len, names), default=0)
        for name in names:
            command = self.get_command(ctx, name)
            if command and not command.hidden:
                section = getattr(command, "rich_help_panel", None) or "Commands"
                sections.setdefault(section, []).append((name, command.get_short_help_str(width)))
        for section, rows in sections.items():
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)
