"""Command groups that suggest similar commands."""

from typing import Any

import typer

from priming.errors import nearest


class NearestGroup(typer.core.TyperGroup):
    """A command group that answers an unknown command with similar ones."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command named by the first argument."""
        name, known = args[0], self.list_commands(ctx)
        if name not in known:
            ctx.fail(f"there is no command {name!r}{nearest(name, known)}; allowed: {', '.join(known)}")
        return super().resolve_command(ctx, args)
