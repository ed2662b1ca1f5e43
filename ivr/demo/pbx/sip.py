"""A small SIP telephone on loopback UDP (RFC 3261), without passwords: it registers, dials and is called."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from ivr.demo.pbx.rtp import RtpStream
from ivr.demo.pbx.sip_call import Call
from ivr.demo.pbx.sip_message import Message, address_uri, named_address
from ivr.errors import PbxError

_REMEMBERED = 256  # responses kept for repeated requests
_HOST = "127.0.0.1"
_T1, _T2, _GIVE_UP = 0.5, 4.0, 8.0  # seconds; RFC 3261, 17.1.1.1, but giving up earlier than its 32 s


class SipPhone:
    """One telephone: as many calls at once as are dialled or answered. Leaving it as a context ends every call."""

    def __init__(self, user: str, *, sip_port: int) -> None:
        """`user` is the extension it registers as, and the number shown when it dials; `sip_port` is the PBX's."""
        self.user = user
        self._pbx = (_HOST, sip_port)
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[tuple[str, str], asyncio.Queue[Message]] = {}
        self._answered: dict[tuple[str, str], Message] = {}
        self._calls: dict[str, Call] = {}
        self._incoming: asyncio.Queue[Call] = asyncio.Queue()
        self._registration: tuple[str, str] | None = None
        self._sequence = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Socket(self._receive), local_addr=(_HOST, 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await asyncio.gather(*(call.hang_up() for call in list(self._calls.values())), return_exceptions=True)
            if self._registration is not None:
                await self._register(expires=0)
        except PbxError:
            pass  # The PBX may be gone before its telephones.
        finally:
            for call in list(self._calls.values()):
                call.drop()
            if self._transport is not None:
                self._transport.close()
                self._transport = None

    @property
    def address(self) -> str:
        """``127.0.0.1`` and the local port."""
        if self._transport is None:
            raise PbxError(f"the telephone {self.user} is not switched on")
        host, port = self._transport.get_extra_info("sockname")[:2]
        return f"{host}:{port}"

    @property
    def contact(self) -> str:
        """The value of our ``Contact`` header."""
        return f"<sip:{self.user}@{self.address}>"

    async def register(self) -> None:
        """Make the PBX ring this telephone for its extension; raises `PbxError` when it refuses."""
        await self._register(expires=3600)

    async def dial(
        self,
        extension: str,
        *,
        name: str = "",
        number: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Call:
        """Call `extension` and return at once; `Call.wait_answered` follows.

        `name` and `number` are what the callee is shown; both may be any text without line breaks (`ValueError`).
        """
        sound = await RtpStream.open()
        call = Call(
            phone=self,
            sound=sound,
            call_id=secrets.token_hex(12),
            local=f"{named_address(name, number or self.user, _HOST)};tag={secrets.token_hex(6)}",
            remote=f"<sip:{extension}@{_HOST}:{self._pbx[1]}>",
        )
        try:
            call.invite(headers or {})
        except ValueError:
            sound.close()
            raise
        self._calls[call.call_id] = call
        return call

    async def incoming(self, limit: float = 10.0) -> Call:
        """Wait until the telephone rings, and return the call, to be answered or hung up."""
        try:
            async with asyncio.timeout(limit):
                while (call := await self._incoming.get()).ended:
                    pass
        except TimeoutError:
            raise PbxError(f"the telephone {self.user} did not ring within {limit:g} s") from None
        return call

    async def exchange(self, request: Message, on_provisional: Callable[[Message], None] | None = None) -> Message:
        """Send `request` until it is answered and return the final response; raises `PbxError` when none comes."""
        clock = asyncio.get_running_loop().time
        inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._waiting[request.transaction] = inbox
        deadline, interval, provisional = clock() + _GIVE_UP, _T1, False
        try:
            self.send(request)
            while True:
                wait = None if provisional and request.method == "INVITE" else interval
                try:
                    response = await asyncio.wait_for(inbox.get(), wait)
                except TimeoutError:
                    if clock() > deadline:
                        raise PbxError(f"the PBX did not answer {request.method}") from None
                    self.send(request)
                    interval = min(2 * interval, _T2)
                    continue
                if response.status >= 200:
                    return response
                provisional = True
                if on_provisional is not None:
                    on_provisional(response)
        finally:
            del self._waiting[request.transaction]

    def send(self, message: Message) -> None:
        """Send to the PBX, unless the telephone is switched off."""
        if self._transport is not None:
            self._transport.sendto(message.encode(), self._pbx)

    def respond(self, request: Message, response: Message) -> None:
        """Send the final response to `request`, and again whenever the request is repeated."""
        self._answered[request.transaction] = response
        if len(self._answered) > _REMEMBERED:
            del self._answered[next(iter(self._answered))]
        self.send(response)

    def via(self, branch: str = "") -> str:
        """The value of a ``Via`` header, by default of a new transaction."""
        return f"SIP/2.0/UDP {self.address};branch={branch or 'z9hG4bK' + secrets.token_hex(8)};rport"

    def forget(self, call: Call) -> None:
        """Told by a call that has ended."""
        self._calls.pop(call.call_id, None)

    async def _register(self, *, expires: int) -> None:
        call_id, tag = self._registration or (secrets.token_hex(12), secrets.token_hex(6))
        self._sequence += 1
        me = named_address("", self.user, _HOST)
        request = Message(
            start=f"REGISTER sip:{_HOST}:{self._pbx[1]} SIP/2.0",
            headers=[
                ("Via", self.via()),
                ("Max-Forwards", "70"),
                ("From", f"{me};tag={tag}"),
                ("To", me),
                ("Call-ID", call_id),
                ("CSeq", f"{self._sequence} REGISTER"),
                ("Contact", self.contact),
                ("Expires", str(expires)),
            ],
        )
        response = await self.exchange(request)
        if response.status != 200:
            raise PbxError(f"the PBX refused to register the telephone {self.user}: {response.phrase}")
        self._registration = (call_id, tag) if expires else None

    def _receive(self, data: bytes) -> None:
        try:
            message = Message.parse(data)
            if message.status:
                self._on_response(message)
            else:
                self._on_request(message)
        except (ValueError, IndexError):
            return  # What is no SIP is no business of a telephone's.

    def _on_response(self, response: Message) -> None:
        inbox = self._waiting.get(response.transaction)
        if inbox is not None:
            inbox.put_nowait(response)
        elif response.method == "INVITE" and response.status >= 200:
            call = self._calls.get(response.header("Call-ID"))
            if call is not None:
                call.acknowledge_again()

    def _on_request(self, request: Message) -> None:
        before = self._answered.get(request.transaction)
        if before is not None:
            self.send(before)
            return
        call = self._calls.get(request.header("Call-ID"))
        if call is not None:
            call.receive(request)
        elif request.method == "INVITE":
            self._ring(request)
        elif request.method == "OPTIONS":
            self.respond(request, request.reply(200, "OK", tag=secrets.token_hex(6)))
        elif request.method != "ACK":
            self.respond(request, request.reply(481, "Call/Transaction Does Not Exist", tag=secrets.token_hex(6)))

    def _ring(self, invite: Message) -> None:
        tag = secrets.token_hex(6)
        call = Call(
            phone=self,
            sound=None,
            call_id=invite.header("Call-ID"),
            local=f"{invite.header('To')};tag={tag}",
            remote=invite.header("From"),
        )
        self._calls[call.call_id] = call
        call.ring(invite, target=address_uri(invite.header("Contact")))
        self._incoming.put_nowait(call)


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._receive(data)
