"""A headless Chromium, driven over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/).

It is the machine's own, or the one of Debian's packages, unpacked once into the cache in which the real Asterisk lies.
"""

import asyncio
import base64
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from ivr.demo.pbx.debian import Wanted, unpacked
from ivr.errors import PbxError
from tests.waiting import until

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LIMIT = 30.0
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--remote-debugging-port=0",
)


def find_chromium() -> tuple[str, dict[str, str]]:
    """The program and the environment it runs in. Raises `PbxError` when none can be had."""
    own = next(filter(None, map(shutil.which, NAMES)), None)
    if own:
        return own, dict(os.environ)
    try:
        suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        suite = ""
    root = unpacked(
        Wanted(
            name="Chromium",
            package="chromium",
            suite=suite,
            beside_installed=True,
            is_complete=lambda root: _program(root).is_file(),
            check=_version,
        )
    )
    return str(_program(root)), _environment(root)


def _program(root: Path) -> Path:
    return root / "usr/lib/chromium/chromium"


def _environment(root: Path) -> dict[str, str]:
    # Some packages keep libraries of their own one folder deeper, where only an installed program would look.
    libraries = sorted(path.parent for place in ("*", "*/*") for path in root.glob(f"usr/lib/{place}/lib*.so*"))
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(dict.fromkeys(map(str, libraries)))}


def _version(root: Path) -> str:
    try:
        done = subprocess.run(
            [_program(root), "--version"],
            env=_environment(root),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise PbxError(f"the Chromium in {root} does not run: {error}") from error
    return done.stdout.strip()


class Page:
    """One tab."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser = browser
        self._session = session
        self.complaints: list[str] = []
        """What the browser's console says went wrong, refused loads and scripts among it."""

    async def send(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol."""
        return await self._browser.send(method, self._session, **parameters)

    async def open(self, url: str) -> None:
        """Go to a page, and wait until it is loaded."""
        await self.send("Page.navigate", url=url)
        await self.until(f"document.readyState === 'complete' && location.href === {url!r}")

    async def js(self, expression: str) -> Any:
        """The value of an expression, of a promise too."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait until an expression is true, and return its value."""
        return await until(lambda: self.js(expression), LIMIT)

    async def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element, as a person does: a user gesture."""
        box = await self.js(
            f"(() => {{ const e = document.querySelector({selector!r}); e.scrollIntoView({{block: 'center'}});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    async def press(self, key: str) -> None:
        """Press a key of the keyboard."""
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        code = {"Enter": 13, "Tab": 9}.get(key, ord(key[0]))
        for kind in ("keyDown", "keyUp"):
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    async def look(self, *, width: int, height: int, dark: bool = False) -> None:
        """Give the window a size, and the colours that the person prefers."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.send("Emulation.setEmulatedMedia", features=[scheme])

    async def speak(self, language: str) -> None:
        """Have the browser prefer a language, from the next page on."""
        agent = await self.js("navigator.userAgent")
        await self.send("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)

    async def screenshot(self) -> bytes:
        """A picture of the whole page, as PNG."""
        shot = await self.send("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


class Browser:
    """Chromium's own end of the protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._pages: dict[str, Page] = {}

    async def send(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """One command of the protocol."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(message | ({"sessionId": session} if session else {}))
        return await asyncio.wait_for(self._answers[number], LIMIT)

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """A new tab with nothing kept from before, closed afterwards."""
        context = (await self.send("Target.createBrowserContext"))["browserContextId"]
        target = await self.send("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log"):
            await page.send(f"{domain}.enable")
        yield page
        await self.send("Target.disposeBrowserContext", browserContextId=context)

    async def listen(self) -> None:
        """Read what Chromium sends, until it closes."""
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                answer = self._answers.pop(told["id"])
                if answer.done():
                    continue
                if "error" in told:
                    answer.set_exception(AssertionError(told["error"]))
                else:
                    answer.set_result(told["result"])
            elif page := self._pages.get(told.get("sessionId", "")):
                match told["method"]:
                    case "Log.entryAdded" if told["params"]["entry"]["level"] == "error":
                        page.complaints.append(told["params"]["entry"]["text"])
                    case "Runtime.exceptionThrown":
                        page.complaints.append(str(told["params"]["exceptionDetails"]))


@asynccontextmanager
async def chromium(found: tuple[str, dict[str, str]], *options: str) -> AsyncIterator[Browser]:
    """Run a browser that was found, with nothing kept from before."""
    program, environment = found
    # Its last children may still write while the folder is removed.
    with tempfile.TemporaryDirectory(prefix="postcall-chromium-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            program,
            *OPTIONS,
            *options,
            f"--user-data-dir={folder}",
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            place = Path(folder, "DevToolsActivePort")
            port, path = await until(lambda: asyncio.to_thread(_lines, place), LIMIT)
            async with (
                aiohttp.ClientSession() as client,
                client.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket,
            ):
                browser = Browser(socket)
                listening = asyncio.create_task(browser.listen())
                yield browser
                await browser.send("Browser.close")
                await listening
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _lines(path: Path) -> list[str] | None:
    lines = path.read_text().splitlines() if path.exists() else []
    return lines if len(lines) == 2 else None
