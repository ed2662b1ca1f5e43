"""A group that imports a command when it is asked for: all of them together take a second."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from ivr.cli.group import Group


class LazyGroup(Group):
    """A group whose commands stand in modules that are not imported yet."""

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        """`modules` gives each command its module, in which it is called after itself (``try-link``: ``try_link``)."""
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands' names, in alphabetical order."""
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported; None when there is none."""
        if cmd_name not in self._modules:
            return None
        command = getattr(import_module(self._modules[cmd_name]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command
