"""A group of commands whose help says of each a whole sentence: click's own cuts it where the line ends."""

import click

_LONGEST = 500
"""A sentence is shorter, and wrapped."""


class Group(click.Group):
    """A group of commands."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, each with the first sentence of its help."""
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(_LONGEST)) for name, command in named if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
