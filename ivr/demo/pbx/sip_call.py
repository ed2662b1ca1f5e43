"""One call of a SIP telephone, as it is lived at its end: rings, is answered, is spoken in, ends."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from ivr.demo.pbx.rtp import Heard, RtpStream
from ivr.demo.pbx.sip_message import Media, Message, address_uri
from ivr.errors import PbxError

if TYPE_CHECKING:
    from ivr.demo.pbx.sip import SipPhone

Ended = Literal["here", "there"]
_SDP = ("Content-Type", "application/sdp")


class Call:
    """Made by `SipPhone.dial` and `SipPhone.incoming`.

    Every `limit` is in seconds, and passing it raises `PbxError`.
    """

    def __init__(self, *, phone: "SipPhone", sound: RtpStream | None, call_id: str, local: str, remote: str) -> None:
        self.call_id = call_id
        self.refusal = ""
        """``486 Busy Here`` and the like, when the far end refused the call."""
        self._phone = phone
        self._sound = sound
        self._local, self._remote, self._target = local, remote, address_uri(remote)
        self._sequence = 0
        self._invite: Message | None = None
        self._ack: Message | None = None
        self._dialled = False
        self._ringing = False
        self._cancelled = False
        self._answered = asyncio.Event()
        self._acknowledged = asyncio.Event()
        self._handed_over = asyncio.Event()
        self._over = asyncio.Event()
        self._ended: Ended | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def caller(self) -> str:
        """The far end as it names itself: a ``From`` or ``To`` header with its display name."""
        return self._remote

    @property
    def heard(self) -> Heard:
        """What this end hears since the answer; raises `PbxError` before it."""
        if self._sound is None or not self._answered.is_set():
            raise PbxError("nothing can be heard before the call is answered")
        return self._sound.heard

    @property
    def ended(self) -> Ended | None:
        """Which end hung up or refused, or None while the call lives."""
        return self._ended

    async def answer(self) -> None:
        """Take a call that rings here; returns when the PBX has seen it. Raises `PbxError` when the caller gave up."""
        invite = self._invite
        if self._dialled or invite is None or self._ended or self._answered.is_set():
            raise PbxError("only a call that rings here can be answered")
        self._sound = await RtpStream.open()
        try:
            offer = Media.parse(invite.body)
        except ValueError as error:
            self._refuse(488, "Not Acceptable Here")
            raise PbxError(f"the call cannot be answered: {error}") from error
        mine = Media(host="127.0.0.1", port=self._sound.port, keys_type=offer.keys_type)
        contact = ("Contact", self._phone.contact)
        response = invite.reply(200, "OK", tag=self._tag, more=[contact, _SDP], body=mine.describe())
        self._answered.set()
        self._sound.start(offer.host, offer.port, offer.keys_type)
        self._phone.respond(invite, response)
        for wait in (0.5, 1.0, 2.0, 4.0):
            try:
                await asyncio.wait_for(self._acknowledged.wait(), wait)
            except TimeoutError:
                self._phone.send(response)
            if self._acknowledged.is_set() or self._ended:
                return
        await self.hang_up()
        raise PbxError("the PBX did not acknowledge the answer")

    async def wait_answered(self, limit: float = 10.0) -> None:
        """Wait until a dialled call is answered; raises `PbxError` when it is refused instead."""
        await self._wait_either(self._answered, limit, "answered")
        if not self._answered.is_set():
            raise PbxError(f"the call was not answered but ended: {self.refusal or self._ended}")

    async def wait_ended(self, limit: float = 10.0) -> Ended:
        """Wait until the call is over, and say which end did it."""
        await self._wait_either(self._over, limit, "ended")
        return self._ended or "there"

    async def press(self, keys: str) -> None:
        """Press keys, 100 ms each; returns when the last one is let go. Raises `PbxError` when the call is not up."""
        if self._sound is None or self._ended:
            raise PbxError("keys cannot be pressed: the call is not up")
        await self._sound.press(keys)

    def speak(self, sound: bytes) -> None:
        """Say µ-law samples, 8000 a second, as long as they last. Raises `PbxError` when the call is not up."""
        if self._sound is None or self._ended:
            raise PbxError("nothing can be said: the call is not up")
        self._sound.speak(sound)

    async def refer(self, extension: str) -> None:
        """Send the other party to `extension` and leave (a blind transfer, RFC 3515).

        Raises `PbxError` when the PBX refuses.
        """
        await self._refer(f"sip:{extension}@{address_uri(self._remote).rpartition('@')[2]}")
        await self.hang_up()

    async def hand_over(self, consultation: "Call") -> None:
        """Join the other party with that of `consultation`, and leave both (an attended transfer, RFC 5589, 7.3).

        Returns when the PBX has joined them. Raises `PbxError` when it refuses.
        """
        # RFC 3891, 3: the tags are named as the PBX sees the dialog, its own one first.
        theirs, ours = (side.rpartition("tag=")[2] for side in (consultation._remote, consultation._local))
        replaced = quote(f"{consultation.call_id};to-tag={theirs};from-tag={ours}", safe="")
        await self._refer(f"{address_uri(consultation._remote)}?Replaces={replaced}")
        await self._wait_either(self._handed_over, 10.0, "handed over")
        await consultation.hang_up()
        await self.hang_up()

    async def hang_up(self) -> None:
        """End the call from this end, whatever its state: give up, decline or leave. Does nothing when it has ended."""
        if self._ended:
            return
        if self._answered.is_set():
            self._finish("here")
            await self._phone.exchange(self._request("BYE"))
        elif self._dialled:
            self._cancelled = True
            if self._ringing:
                self._cancel()
            await self._wait_either(self._over, 10.0, "ended")
        else:
            self._refuse(486, "Busy Here")

    def drop(self) -> None:
        """Forget the call without a word to the far end."""
        if not self._ended:
            self._finish("here")
        if self._task is not None:
            self._task.cancel()

    # What follows is between the call and its telephone.

    def invite(self, headers: Mapping[str, str]) -> None:
        """Begin to dial. Raises `ValueError` for a header with a line break."""
        if self._sound is None:
            raise PbxError("a call is dialled with its sound open")
        mine = Media(host="127.0.0.1", port=self._sound.port, keys_type=None)
        self._dialled = True
        more = [("Contact", self._phone.contact), _SDP, *headers.items()]
        request = self._request("INVITE", more=more, body=mine.describe())
        request.encode()
        self._invite = request
        self._task = asyncio.get_running_loop().create_task(self._dial(request))

    def ring(self, invite: Message, *, target: str) -> None:
        """An INVITE has come in; the far end takes later requests at `target`."""
        self._invite, self._target = invite, target
        self._phone.send(invite.reply(180, "Ringing", tag=self._tag, more=[("Contact", self._phone.contact)]))

    def acknowledge_again(self) -> None:
        """The final response to our INVITE came once more: our ACK was lost."""
        if self._ack is not None:
            self._phone.send(self._ack)

    def receive(self, request: Message) -> None:
        """A request within this call."""
        match request.method:
            case "ACK":
                self._acknowledged.set()
            case "BYE":
                self._phone.respond(request, request.reply(200, "OK", tag=self._tag))
                self._finish("there")
            case "CANCEL":
                self._phone.respond(request, request.reply(200, "OK", tag=self._tag))
                if self._invite is not None and not self._answered.is_set():
                    self._phone.respond(self._invite, self._invite.reply(487, "Request Terminated", tag=self._tag))
                    self._finish("there")
            case "INVITE" if not self._answered.is_set():
                self._phone.send(request.reply(180, "Ringing", tag=self._tag))
            case "INVITE" | "UPDATE":
                self._renegotiate(request)
            case "INFO" | "NOTIFY" | "MESSAGE" | "OPTIONS":
                if request.method == "NOTIFY" and request.body.startswith("SIP/2.0 200"):
                    self._handed_over.set()  # RFC 3515, 2.4.5: how the transfer came out, as a line of SIP
                self._phone.respond(request, request.reply(200, "OK", tag=self._tag))
            case _:
                self._phone.respond(request, request.reply(501, "Not Implemented", tag=self._tag))

    async def _dial(self, request: Message) -> None:
        try:
            response = await self._phone.exchange(request, self._on_provisional)
        except PbxError as error:
            self.refusal = str(error)
            self._finish("there")
            return
        self._remote = response.header("To")
        self._acknowledge(request, response)
        if response.status >= 300:
            self.refusal = response.phrase
            self._finish("here" if self._cancelled else "there")
            return
        self._answered.set()
        try:
            theirs = Media.parse(response.body)
        except ValueError as error:
            self.refusal = str(error)
            await self.hang_up()
            return
        if self._sound is not None:
            self._sound.start(theirs.host, theirs.port, theirs.keys_type)
        if self._cancelled:  # The answer crossed our CANCEL.
            await self.hang_up()

    async def _refer(self, target: str) -> None:
        if not self._answered.is_set() or self._ended:
            raise PbxError("only a call that is up can be transferred")
        referred_by = ("Referred-By", self._local.partition(";")[0])
        more = [("Refer-To", f"<{target}>"), referred_by, ("Contact", self._phone.contact)]
        response = await self._phone.exchange(self._request("REFER", more=more))
        if response.status >= 300:
            raise PbxError(f"the PBX refused the transfer: {response.phrase}")

    def _on_provisional(self, response: Message) -> None:
        self._ringing = True
        if self._cancelled:
            self._cancel()

    def _acknowledge(self, invite: Message, response: Message) -> None:
        # RFC 3261, 13.2.2.4 and 17.1.1.3: a refusal is acknowledged within the transaction, an answer in a new one.
        accepted = response.status < 300
        if accepted and response.header("Contact"):
            self._target = address_uri(response.header("Contact"))
        via = self._phone.via() if accepted else invite.header("Via")
        self._ack = self._request("ACK", of=invite, via=via)
        self._phone.send(self._ack)

    def _cancel(self) -> None:
        if self._invite is not None:
            # Its 200 says nothing that the INVITE's own final response does not.
            local = self._request("CANCEL", of=self._invite, via=self._invite.header("Via"))
            self._phone.send(local)

    def _refuse(self, status: int, phrase: str) -> None:
        if self._invite is not None:
            self._phone.respond(self._invite, self._invite.reply(status, phrase, tag=self._tag))
        self._finish("here")

    def _renegotiate(self, request: Message) -> None:
        body, more = "", [("Contact", self._phone.contact)]
        if request.body and self._sound is not None:
            try:
                offer = Media.parse(request.body)
            except ValueError:
                self._phone.respond(request, request.reply(488, "Not Acceptable Here", tag=self._tag))
                return
            self._sound.start(offer.host, offer.port, offer.keys_type)
            body = Media(host="127.0.0.1", port=self._sound.port, keys_type=offer.keys_type).describe()
            more.append(_SDP)
        self._phone.respond(request, request.reply(200, "OK", tag=self._tag, more=more, body=body))

    def _request(
        self,
        method: str,
        *,
        of: Message | None = None,
        via: str = "",
        more: Sequence[tuple[str, str]] = (),
        body: str = "",
    ) -> Message:
        """A request within the call; with `of`, one that belongs to that INVITE and shares its sequence number."""
        if of is None:
            self._sequence += 1
        number = of.header("CSeq").split()[0] if of is not None else str(self._sequence)
        same = of is not None and via == of.header("Via")
        target = of.start.split(" ")[1] if of is not None and same else self._target
        headers = [
            ("Via", via or self._phone.via()),
            ("Max-Forwards", "70"),
            ("From", self._local),
            ("To", of.header("To") if of is not None and method == "CANCEL" else self._remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            *more,
        ]
        return Message(start=f"{method} {target} SIP/2.0", headers=headers, body=body)

    @property
    def _tag(self) -> str:
        return self._local.rpartition("tag=")[2]

    def _finish(self, ended: Ended) -> None:
        if self._ended is None:
            self._ended = ended
            if self._sound is not None:
                self._sound.close()
            self._phone.forget(self)
            self._over.set()

    async def _wait_either(self, wanted: asyncio.Event, limit: float, word: str) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in {wanted, self._over}]
        try:
            done, _ = await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not done:
            raise PbxError(f"the call was not {word} within {limit:g} s")
