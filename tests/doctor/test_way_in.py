"""An AMI that cannot be got into: each time what was seen, and the line to change, for this fault and no other."""

from pathlib import Path

import pytest

from ivr.asterisk.ami import AmiAccess, AmiTiming
from ivr.doctor import pbx
from ivr.doctor.findings import Finding
from tests.ami.fake_asterisk import FakeAsterisk
from tests.ami.test_link_connection import certificate
from tests.doctor.test_doctor import PLAN, SITE


async def refused(**access: object) -> Finding:
    given = {"username": "survey", "secret": "right", **access}
    [fault] = await pbx.look_at_pbx(AmiAccess(**given), SITE, PLAN)  # type: ignore[arg-type]
    assert fault.level == "fault"
    return fault


async def test_a_certificate_of_another_authority(tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "127.0.0.1")
    server = FakeAsterisk()
    await server.listen(context)
    fault = await refused(port=server.port, tls=True)
    await server.close()
    assert "certificate that is not accepted" in fault.said
    assert fault.fix.startswith("ca_file of this site must have the authority of Asterisk's certificate")


async def test_tls_towards_a_port_without_it() -> None:
    server = FakeAsterisk()
    await server.listen()
    fault = await refused(port=server.port, tls=True)
    await server.close()
    assert fault.fix == "tls = true wants the port of `tlsbindaddr` in manager.conf, with `tlsenable = yes`"


async def test_a_port_with_tls_without_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pbx, "AmiTiming", lambda: AmiTiming(connect=0.3))
    _, context = certificate(tmp_path, "127.0.0.1")
    server = FakeAsterisk()
    await server.listen(context)
    fault = await refused(port=server.port)
    await server.close()
    assert fault.said.endswith("sends no greeting within 0.3 s")
    assert "a port that speaks TLS (`tlsbindaddr`) wants tls = true" in fault.fix


async def test_a_ca_file_that_cannot_be_read_is_a_finding_as_others_are(tmp_path: Path) -> None:
    fault = await refused(port=9, tls=True, ca_file=str(tmp_path / "nowhere.pem"))
    assert "nowhere.pem' cannot be read: No such file or directory" in fault.said
    assert fault.fix == "ca_file of this site must name a PEM file that the service's user may read"
