"""`postcall demo --pbx asterisk`: agents and callers with SIP telephones on a real Asterisk."""

import asyncio

from ivr.demo.pbx.asterisk import AsteriskServer
from tests.cli.test_demo import LIMIT, demo, table_rows


async def test_ratings_come_in_from_a_real_asterisk(asterisk_server: AsteriskServer) -> None:
    process = await demo("--pbx", "asterisk", "--duration", "25")
    try:
        out, err = await asyncio.wait_for(process.communicate(), LIMIT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err
    text = out.decode()
    assert f"a real {asterisk_server.version}" in text
    assert sum(int(row[2]) for row in table_rows(text)) > 0
    assert "Every tally is what the answers say." in text
