"""Runs a real Asterisk on loopback ports, as any user, for as long as it is wanted."""

import asyncio
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ivr.demo.pbx.configuration import SURVEY_URL_VARIABLE, AmiUser, Ports, write_configuration
from ivr.demo.pbx.download import asterisk_command, asterisk_version, documentation, english_sounds, module_folder
from ivr.errors import PbxError

_POLL_SECONDS = 0.02
_LONGEST_SOCKET_PATH = 107  # struct sockaddr_un, unix(7)


class AsteriskServer:
    """One Asterisk process with its configuration, its ports and its folder.

    It is bound to no event loop: it may be started in one and asked or stopped in another.
    """

    def __init__(
        self,
        root: Path,
        *,
        users: Sequence[AmiUser],
        survey_url: str = "agi://127.0.0.1:4573/survey",
        prompts: Path | None = None,
        base: Path | None = None,
        extra_dialplan: str = "",
    ) -> None:
        """`root` comes from `asterisk_root`; `prompts` becomes playable as ``postcall/…``.

        `base`, a new or empty folder, is kept afterwards; without it a temporary one is made and removed.
        """
        self.root = root
        self.version = asterisk_version(root)
        self.users = {user.name: user for user in users}
        self.ami_port, self.sip_port = _free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM)
        self._removed_at_stop = base is None
        self.base = base or Path(tempfile.mkdtemp(prefix="postcall-pbx-"))
        self.log = self.base / "log/messages"
        self._control = self.base / "run/asterisk.ctl"
        if len(str(self._control)) > _LONGEST_SOCKET_PATH:
            raise PbxError(f"the folder {self.base} has too long a path for Asterisk's control socket")
        configuration = write_configuration(
            self.base,
            modules=module_folder(root),
            english_sounds=english_sounds(root),
            documentation=documentation(root),
            prompts=prompts,
            ports=Ports(ami=self.ami_port, sip=self.sip_port),
            users=users,
            survey_url=survey_url,
            extra_dialplan=extra_dialplan,
        )
        self._command = [*asterisk_command(root), "-C", str(configuration)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    async def start(self, limit: float = 20.0) -> None:
        """Return when every module is loaded and AMI logins are taken; raises `PbxError` after `limit` seconds.

        Call it in the main thread: the Asterisk ends with the thread that started it.
        """
        # A killed service must not leave its PBX behind; Ctrl-C is for the service, which stops the PBX in its turn.
        setpriv = shutil.which("setpriv")
        with_parent = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
        with (self.base / "log/console").open("wb") as console:
            # asyncio's own processes are bound to the event loop that starts them.
            self._process = subprocess.Popen(  # noqa: ASYNC220
                [*with_parent, *self._command, "-f"],
                cwd=self.base,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(limit):
                while not self._control.exists():
                    if (status := self._process.poll()) is not None:
                        raise PbxError(f"Asterisk ended at once with status {status}: {self._last_words()}")
                    await asyncio.sleep(_POLL_SECONDS)
                await self.cli("core waitfullybooted")
                await self._greet()
        except TimeoutError:
            last_words = self._last_words()
            await self.stop()
            raise PbxError(f"Asterisk was not ready after {limit:g} s: {last_words}") from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self, limit: float = 5.0) -> None:
        """End the process, by force after `limit` seconds, and remove a temporary folder; harmless a second time."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, limit)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            except asyncio.CancelledError:
                process.kill()
                raise
        if self._removed_at_stop:
            shutil.rmtree(self.base, ignore_errors=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def cli(self, command: str, limit: float = 10.0) -> str:
        """Run one console command (``asterisk -rx``) and return what it prints; raises `PbxError` when it cannot."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            "-rx",
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), limit)
        except BaseException:
            if process.returncode is None:
                process.kill()
                await process.wait()
            raise
        text = output.decode(errors="replace").strip()
        if process.returncode != 0:
            raise PbxError(f"Asterisk's console refused {command!r}: {text}")
        return text

    async def send_surveys_to(self, url: str) -> None:
        """Make the survey's ``AGI()`` connect to `url`, ``agi://HOST:PORT/survey``, from the next call on."""
        await self.cli(f"dialplan set global {SURVEY_URL_VARIABLE} {url}")

    async def _greet(self) -> None:
        # Asterisk starts even when another program has taken the port meanwhile.
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.ami_port)
            greeting = await reader.readline()
            writer.close()
        except OSError as error:
            raise PbxError(f"Asterisk does not listen on its AMI port {self.ami_port}: {error.strerror}") from error
        if not greeting.startswith(b"Asterisk Call Manager/"):
            raise PbxError(f"another program than Asterisk listens on the AMI port {self.ami_port}")

    def _last_words(self) -> str:
        for file in (self.base / "log/console", self.log):
            lines = file.read_text(errors="replace").split("\n") if file.exists() else []
            errors = [line.strip() for line in lines if "ERROR" in line] or [line for line in lines if line.strip()]
            if errors:
                return errors[-1]
        return "it said nothing"


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
