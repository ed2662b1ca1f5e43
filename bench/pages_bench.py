"""How long pages and API take with a million ratings behind them. Run by hand: `make bench-pages`.

Fills a database with `postcall demo-data` (kept with `--folder`), serves the whole web application from it, and asks
for every page, and for every address of the API that answers with scores: over 30 and 90 days and a year.
"""

import argparse
import asyncio
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

SETTINGS = """
[database]
url = "sqlite:///{folder}/postcall.db"
[web]
port = {port}
token = "a token of the benchmark"
[fastagi]
port = 0
[privacy]
caller_key = "a caller key of the benchmark"
[log]
level = "error"
[sites.main]
zone = "Asia/Taipei"
[sites.main.ami]
port = 1
secret = "none"
"""
PORT = 18080
LAST_DAY = "2026-11-26"
PERIODS = {
    "30 days": "from=2026-10-28&to=2026-11-26",
    "90 days": "from=2026-08-29&to=2026-11-26",
    "a year": "from=2025-11-27&to=2026-11-26",
}
PATHS = (
    "/agents", "/agents/PJSIP%2F1042", "/reasons", "/funnel", "/drivers", "/calls", "/calls?show=not_asked", "/",
    "/api/v1/agents/scores", "/api/v1/agents/PJSIP%2F1042/scores", "/api/v1/scores?by=team,reason",
    "/api/v1/trend?step=week", "/api/v1/funnel?by=agent", "/api/v1/coverage", "/api/v1/drivers", "/api/v1/surveys",
    "/api/v1/calls",
)  # fmt: skip
TIMES = 5


def prepare(folder: Path, ratings: int, agents: int, days: int) -> None:
    """Make the database, unless it is there."""
    settings = folder / "postcall.toml"
    settings.write_text(SETTINGS.format(folder=folder, port=PORT))
    if (folder / "postcall.db").exists():
        return
    command = [sys.executable, "-m", "ivr.cli.main"]
    subprocess.run([*command, "db", "upgrade", "-c", str(settings)], check=True)
    made = ["--ratings", str(ratings), "--agents", str(agents), "--days", str(days), "--until", LAST_DAY]
    subprocess.run([*command, "demo-data", *made, "-c", str(settings)], check=True)


async def measure(folder: Path) -> None:
    """Serve, ask, and print milliseconds."""
    serve = [sys.executable, "-m", "ivr.cli.main", "serve", "-c", str(folder / "postcall.toml")]
    process = await asyncio.create_subprocess_exec(*serve)
    headers = {"Authorization": "Bearer a token of the benchmark"}
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{PORT}", headers=headers) as client:
            await _ready(client)
            print(
                f"| milliseconds, median and longest of {TIMES} | {' | '.join(PERIODS)} |\n|---|{'---|' * len(PERIODS)}"
            )
            for path in PATHS:
                cells = [await _timed(client, path, period) for period in PERIODS.values()]
                print(f"| `{path}` | {' | '.join(cells)} |", flush=True)
    finally:
        process.terminate()
        await process.wait()


async def _ready(client: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with client.get("/healthz"):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)


async def _timed(client: aiohttp.ClientSession, path: str, period: str) -> str:
    taken = []
    for _ in range(TIMES + 1):
        begin = time.perf_counter()
        async with client.get(f"{path}{'&' if '?' in path else '?'}{period}") as response:
            text = await response.text()
            assert response.status == 200, (path, response.status, text[:200])
        taken.append(1000 * (time.perf_counter() - begin))
    # The first one warms up.
    return f"{statistics.median(taken[1:]):.0f}, {max(taken[1:]):.0f}"


def main() -> None:
    """Prepare and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--agents", type=int, default=500)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--folder", type=Path, default=None, help="keep the database here, and use it again")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} processors, load {load:.1f}")
    with tempfile.TemporaryDirectory() as fresh:
        folder = (given.folder or Path(fresh)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder, given.ratings, given.agents, given.days)
        asyncio.run(measure(folder))


if __name__ == "__main__":
    main()
