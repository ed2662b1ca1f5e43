"""The link comes up, stays up, and says plainly when it cannot."""

import asyncio
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ivr.asterisk.link import AmiLink
from ivr.calls import Gap
from ivr.errors import PbxError, PbxRefused, SettingsError
from tests.ami.fake_asterisk import FakeAsterisk, silent
from tests.ami.listening import QUICK, Heard, eventually

MakeLink = Callable[..., AmiLink]


async def test_it_logs_in_and_knows_the_version(server: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link()
    await link.start()
    (login,) = await server.asked("Login")
    assert (login["Username"], login["Secret"], login["Events"]) == ("survey", "right", "agent,call,system,user")
    assert (link.state.connected, link.state.version, link.state.problem) == (True, "11.0.0", "")


async def test_a_wrong_secret_is_one_clear_line_without_the_secret(server: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link(secret="hush")
    with capture_logs() as logs, pytest.raises(PbxRefused) as caught:
        await link.start()
    assert str(caught.value) == (
        f'AMI 127.0.0.1:{server.port} refused user "survey": Authentication failed'
        " - check username and secret in manager.conf"
    )
    assert not link.state.connected
    assert "hush" not in str(logs)


async def test_a_secret_changed_while_away_is_told_and_tried_again_slowly(
    server: FakeAsterisk, make_link: MakeLink
) -> None:
    link = make_link()
    await link.start()
    server.secret = "changed"
    with capture_logs() as logs:
        server.session.drop()
        await eventually(link, lambda state: "refused user" in state.problem)
        await server.asked("Login", times=3)
    assert [entry["event"] for entry in logs].count("AMI refuses us") == 1
    server.secret = "right"
    await eventually(link, lambda state: state.connected)


async def test_after_a_refusal_it_waits_longer_than_after_an_outage(server: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link(timing=replace(QUICK, refused_pause=60))
    await link.start()
    server.secret = "changed"
    server.session.drop()
    await eventually(link, lambda state: "refused user" in state.problem)
    # Ten times the longest pause of an outage.
    await asyncio.sleep(10 * QUICK.longest_pause)
    assert len(await server.asked("Login")) == 2


async def test_an_asterisk_that_is_not_there_is_one_line_and_then_found(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    await server.close()
    link = make_link()
    with capture_logs() as logs:
        await link.start()
        assert not link.state.connected
        assert link.state.problem == f"AMI 127.0.0.1:{server.port} cannot be reached: connection refused"
        await server.listen()
        await eventually(link, lambda state: state.connected)
    assert [entry["event"] for entry in logs].count("AMI cannot be reached") == 1
    await heard.of(Gap)
    assert link.state.reconnects == 0


@pytest.mark.parametrize(
    ("greeting", "login", "said"),
    [
        (b"", None, "sends no greeting within 0.3 s"),
        (b"SSH-2.0-OpenSSH\r\n", None, "sends no greeting within 0.3 s"),
        (b"Asterisk Call Manager/11.0.0\r\n", silent, "does not answer within 0.3 s"),
        (b"Asterisk Call Manager/11.0.0\r\n", lambda s, _: s.drop(), "closed the connection during the login"),
    ],
)
async def test_whatever_else_answers_on_that_port_is_told_apart(
    server: FakeAsterisk, make_link: MakeLink, greeting: bytes, login: object, said: str
) -> None:
    server.greeting = greeting
    server.answers["Login"] = login or silent  # type: ignore[assignment]
    link = make_link()
    await link.start()
    assert link.state.problem == f"AMI 127.0.0.1:{server.port} {said}"


async def test_a_user_without_the_class_system_is_served_though_never_told_of_fully_booted(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    link = make_link()
    await link.start()
    assert (await link.action("Ping")).response.get("Ping") == "Pong"
    await heard.of(Gap)


async def test_an_unanswered_ping_ends_a_connection_that_tcp_believes_in(
    server: FakeAsterisk, make_link: MakeLink
) -> None:
    server.answers["Ping"] = silent
    link = make_link(timing=replace(QUICK, ping_every=0.02))
    with capture_logs() as logs:
        await link.start()
        await eventually(link, lambda state: state.reconnects >= 1)
    assert "AMI does not answer any more" in [entry["event"] for entry in logs]


async def test_answered_pings_keep_the_connection(server: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link(timing=replace(QUICK, ping_every=0.005, ping_answer=5))
    await link.start()
    await server.asked("Ping", times=10)
    assert (server.sessions, link.state.reconnects) == (1, 0)


async def test_a_dropped_connection_comes_back(server: FakeAsterisk, make_link: MakeLink, heard: Heard) -> None:
    link = make_link()
    await link.start()
    for times in (1, 2, 3):
        await heard.of(Gap, times=times)
        server.session.drop()
        await eventually(link, lambda state, times=times: state.connected and state.reconnects == times)
    gaps = [gap for gap in await heard.of(Gap, times=4) if isinstance(gap, Gap)]
    assert all(before.until <= gap.since <= gap.until for before, gap in pairwise(gaps))


async def test_a_shutdown_of_asterisk_ends_in_one_new_connection(
    server: FakeAsterisk, make_link: MakeLink, heard: Heard
) -> None:
    link = make_link()
    await link.start()
    await heard.of(Gap)
    server.session.send("Event: Shutdown\nShutdown: Cleanly\nRestart: True")
    await server.session.writer.drain()
    server.session.writer.close()
    await eventually(link, lambda state: state.connected and state.reconnects == 1)
    assert server.sessions == 2


async def test_pauses_between_tries_grow_with_jitter_to_a_limit(make_link: MakeLink) -> None:
    link = make_link(timing=replace(QUICK, first_pause=1, longest_pause=30))
    for tries, longest in [(0, 1), (1, 2), (2, 4), (4, 16), (5, 30), (400, 30)]:
        pauses = {link._pause(tries) for _ in range(200)}
        assert longest / 2 <= min(pauses) < 0.6 * longest
        assert 0.9 * longest < max(pauses) <= longest


async def test_a_link_stopped_during_an_outage_never_logs_in_again(server: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link()
    await link.start()
    await server.close()
    await eventually(link, lambda state: not state.connected)
    await link.stop()
    await server.listen()
    before = server.sessions
    # Ten times the longest pause between two tries.
    await asyncio.sleep(10 * QUICK.longest_pause)
    assert server.sessions == before
    assert (link.state.connected, link.state.problem) == (False, "stopped")


async def test_a_link_may_be_stopped_in_the_middle_of_a_login(server: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link()
    await link.start()
    server.answers["Login"] = silent
    server.session.drop()
    await server.asked("Login", times=2)
    await link.stop()
    assert not link.state.connected


async def test_a_link_that_was_never_started_or_is_stopped_twice_does_no_harm(make_link: MakeLink) -> None:
    link = make_link()
    await link.stop()
    with pytest.raises(PbxError, match="is not connected"):
        await link.action("Ping")
    await link.stop()


def certificate(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """A self-made certificate for a host, and a server's context with it."""
    key, pem = folder / f"{host}.key", folder / f"{host}.pem"
    name = f"subjectAltName=IP:{host}" if host[0].isdigit() else f"subjectAltName=DNS:{host}"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    subprocess.run(
        [*make.split(), "-keyout", str(key), "-out", str(pem), "-subj", f"/CN={host}", "-addext", name],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    return pem, context


@pytest.mark.parametrize(
    ("made_for", "trusted", "said"),
    [
        ("127.0.0.1", True, ""),
        ("127.0.0.1", False, "has a certificate that is not accepted: self-signed certificate"),
        ("pbx.example", True, "has a certificate that is not accepted: IP address mismatch"),
    ],
)
async def test_tls_is_verified_with_its_host_name(
    server: FakeAsterisk, make_link: MakeLink, tmp_path: Path, made_for: str, trusted: bool, said: str
) -> None:
    pem, context = certificate(tmp_path, made_for)
    await server.close()
    await server.listen(context)
    link = make_link(access={"tls": True, "ca_file": str(pem) if trusted else None})
    await link.start()
    assert link.state.connected is (not said)
    assert said in link.state.problem
    assert bool(server.got) is (not said)


async def test_tls_towards_a_port_without_it_is_told(server: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link(access={"tls": True})
    await link.start()
    assert link.state.problem.startswith(f"AMI 127.0.0.1:{server.port} cannot be reached: ")
    assert not server.got


async def test_a_ca_file_that_is_not_there_is_named(make_link: MakeLink) -> None:
    with pytest.raises(SettingsError, match=r"the CA file '/nowhere/ca\.pem' cannot be read: No such file"):
        make_link(access={"tls": True, "ca_file": "/nowhere/ca.pem"})
