"""The environment in which templates are filled, once for each language."""

from typing import Any

import jinja2

from ivr.web.pages.language import Language

OPTIONS: dict[str, Any] = {
    "autoescape": True,
    "undefined": jinja2.StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "extensions": ["jinja2.ext.i18n"],
}


def loader() -> jinja2.BaseLoader:
    """Where the templates are."""
    return jinja2.PackageLoader("ivr.web.pages")


def speak(environment: jinja2.Environment, spoken: Language) -> None:
    """Have the templates of an environment speak a language, and write numbers and days as it does."""
    environment.install_gettext_callables(  # type: ignore[attr-defined] # added by the extension
        spoken.gettext, spoken.ngettext, newstyle=True
    )
    environment.globals |= {"language": spoken}
    environment.filters |= {
        name: getattr(spoken, name) for name in ("number", "percent", "day", "short_day", "lasting")
    }
