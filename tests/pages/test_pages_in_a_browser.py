"""Every page in a real browser: in both languages and themes, on a telephone and on a wall, for eyes and for ears."""

from importlib.resources import files
from pathlib import Path

import pytest

from tests.pages import seed
from tests.pages.served import Served
from tests.trial.chromium import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")
PAGES = {
    "now": "/",
    "now-empty": "/?flow=nps",
    "agents": "/agents",
    "agents-empty": "/agents?flow=nps",
    "agent": "/agents/PJSIP/1001",
    "reasons": "/reasons?from=2026-09-01&to=2026-11-26&step=week",
    "reasons-empty": "/reasons?reason=nothing",
    "no-such-page": "/agents/nobody",
    "health": "/health",
    "flows": "/flows",
    "flow": "/flows/csat-with-comment",
    "funnel": "/funnel?by=agent",
    "funnel-empty": "/funnel?queue=nothing",
    "drivers": "/drivers",
    "drivers-empty": "/drivers?flow=servqual",
    "calls": "/calls",
    "calls-unhappy": "/calls?show=not_satisfied&reason=billing",
    "calls-empty": "/calls?flow=nps&show=commented",
    "calls-not-asked": "/calls?show=not_asked",
    "calls-none-so": "/calls?why=opted_out",
    "call": f"/calls/{seed.RECORDED}",
    "call-not-asked": f"/calls/{seed.EXCLUDED}",
}
ON_WALLS = {"now", "agents", "funnel"}
REFUSED = {"no-such-page"}
LOOKS = {
    "desk-en-light": ("en", False, 1440, 900),
    "phone-zh-dark": ("zh", True, 390, 844),
    "wall-en-dark": ("en", True, 1920, 1080),
}
AXE = (files("axe_core_python") / "axe.min.js").read_text("utf-8")
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SERIOUS = """axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations
  .filter((one) => ['serious', 'critical'].includes(one.impact))
  .map((one) => one.id + ': ' + one.nodes.map((node) => node.target.join(' ')).join(', ')))"""


@pytest.mark.parametrize(
    ("name", "look"), [(name, look) for name in PAGES for look in LOOKS if look != "wall-en-dark" or name in ON_WALLS]
)
async def test_a_page_is_whole_in_every_look(shared: Served, tab: Page, pictures: Path, name: str, look: str) -> None:
    language, dark, width, height = LOOKS[look]
    tab.complaints.clear()
    await tab.speak(language)
    await tab.look(width=width, height=height, dark=dark)
    await tab.open(shared.url + PAGES[name])
    await tab.js("for (const one of document.images) one.loading = 'eager'; 0")
    await tab.until("[...document.images].every((one) => one.complete && one.naturalWidth)")
    (pictures / f"{name}-{look}.png").write_bytes(await tab.screenshot())
    assert await tab.js("document.documentElement.lang") == {"en": "en", "zh": "zh-Hans"}[language]
    assert await tab.js(TOO_WIDE) <= 0, "the page is wider than the screen"
    # What is folded away must be right, too.
    await tab.js(AXE + "; for (const one of document.querySelectorAll('details')) one.open = true; 0")
    assert "\n".join(await tab.js(SERIOUS)) == ""
    # Chromium itself complains of a page that is refused.
    assert [one for one in tab.complaints if name not in REFUSED or "status of 40" not in one] == []
