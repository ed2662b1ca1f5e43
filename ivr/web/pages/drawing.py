"""Draws charts with vl-convert, in one thread of its own, and remembers what was drawn.

The first drawing of a process takes about 0.4 s, because Vega is loaded; another one 10 to 30 ms.
"""

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

Format = Literal["svg", "png"]
MOST_BYTES = 16_000_000
"""How much of what was drawn is kept."""


class Easel:
    """Draws one chart after the other. Vega's interpreter is no safer with more threads, only larger."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="charts")
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._most = most_bytes
        self._busy: dict[str, asyncio.Future[bytes]] = {}

    async def draw(self, spec: Mapping[str, Any], form: Format) -> bytes:
        """The chart as a file: SVG, or PNG with two pixels a point. Raises ValueError for a wrong specification."""
        text = json.dumps(spec, sort_keys=True, ensure_ascii=False)
        key = f"{form} {hashlib.sha256(text.encode()).hexdigest()}"
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._busy:
            loop = asyncio.get_running_loop()
            self._busy[key] = loop.run_in_executor(self._thread, _drawn, text, form)
            self._busy[key].add_done_callback(lambda _: self._busy.pop(key))
        # Shielded: whoever goes away must not take the drawing from others who wait for it.
        drawn = await asyncio.shield(self._busy[key])
        self._keep(key, drawn)
        return drawn

    def close(self) -> None:
        """Draw nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _keep(self, key: str, drawn: bytes) -> None:
        if key in self._kept:
            return
        self._kept[key] = drawn
        self._bytes += len(drawn)
        while self._bytes > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest)


def _drawn(spec: str, form: Format) -> bytes:
    # Takes 60 MB, and is not needed before the first chart.
    import vl_convert

    # Nothing is fetched, whatever a specification says.
    if form == "svg":
        return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])).encode()
    return bytes(vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[]))
