"""The rules as the settings give them, with the list of those who are never asked."""

from pathlib import Path

from ivr.errors import SettingsError
from ivr.settings import Settings
from ivr.surveys.privacy import CallerKey
from ivr.surveys.rules import Rules

_DIGEST_DIGITS = frozenset("0123456789abcdef")


def rules_of(settings: Settings, site: str, callers: CallerKey) -> Rules:
    """The rules of one site. Raises `SettingsError` when its list cannot be read."""
    given = settings.rules_of(site)
    listed = frozenset(given.do_not_ask)
    if given.do_not_ask_file is not None:
        listed |= read_list(given.do_not_ask_file, callers)
    return Rules(given=given, zone=settings.sites[site].zone_info, do_not_ask=listed)


def read_list(file: Path, callers: CallerKey) -> frozenset[str]:
    """The digests of the numbers and digests in `file`, one a line; empty lines and those that begin with ``;`` are
    passed over.

    Raises `SettingsError` with each line that is neither; what stands there is not told, as it may be a number.
    """
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        raise SettingsError(f"do_not_ask_file: {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"do_not_ask_file: {file} is not UTF-8 text") from None
    digests: set[str] = set()
    mistakes: list[str] = []
    for number, line in enumerate(lines, start=1):
        entry = line.strip()
        if not entry or entry.startswith(";"):
            continue
        digest = entry if len(entry) == 64 and set(entry) <= _DIGEST_DIGITS else callers.caller(entry).digest
        if digest:
            digests.add(digest)
        else:
            mistakes.append(
                f"{file}:{number}: neither a number nor a digest of 64 hexadecimal digits; a comment begins with ;"
            )
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return frozenset(digests)
