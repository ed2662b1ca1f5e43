"""The simulated PBX on the AMI wire: logins, actions, filters, several clients and slow ones."""

import asyncio
import socket

import pytest

from ivr.demo.behaviour import Behaviour
from ivr.demo.events import SURVEY_EVENTS
from ivr.demo.queues import Member, Queue
from ivr.demo.simulator import SimulatedPbx
from tests.demo.simulator_kit import LIMIT, AmiClient, over, survey_server

SHORT = Behaviour(talk_seconds=1.0)


def simulator(**more) -> SimulatedPbx:
    queues = [Queue(name="support", exten="8001"), Queue(name="sales", exten="8003")]
    members = [
        Member(interface="PJSIP/1001", name="Doe, John", queues=("support", "sales")),
        Member(interface="PJSIP/1002", name="王芳", queues=("sales",)),
    ]
    return SimulatedPbx(queues=queues, members=members, **{"speed": 20, "seed": 1, **more})


# --- logging in ---


async def test_a_client_is_greeted_and_logs_in() -> None:
    async with simulator(user="survey", secret="s3cret") as pbx:
        client = await AmiClient.connect(pbx)
        assert client.greeting == b"Asterisk Call Manager/11.0.0\r\n"
        client.write(Action="Login", ActionID="7", Username="survey", Secret="s3cret")
        booted = await client.until(lambda message: message.get("Event") == "FullyBooted")
        assert booted["Status"] == "Fully Booted"
        assert client.raw.startswith(
            b"Response: Success\r\nActionID: 7\r\nMessage: Authentication accepted\r\n\r\nEvent: FullyBooted\r\n"
        )
        await client.close()


@pytest.mark.parametrize(("user", "secret"), [("survey", "wrong"), ("other", "s3cret"), ("survey", ""), ("", "")])
async def test_a_wrong_secret_or_user_is_refused_and_the_connection_closed(user: str, secret: str) -> None:
    async with simulator(user="survey", secret="s3cret") as pbx:
        client = await AmiClient.connect(pbx)
        answer = await client.ask(Action="Login", ActionID="1", Username=user, Secret=secret)
        assert answer == {"Response": "Error", "ActionID": "1", "Message": "Authentication failed"}
        await client.gone()
        await client.close()


async def test_before_the_login_nothing_is_allowed_and_no_event_comes() -> None:
    async with simulator() as pbx:
        stranger = await AmiClient.connect(pbx)
        answer = await stranger.ask(Action="QueueStatus")
        assert answer == {"Response": "Error", "Message": "Permission denied"}
        await over(pbx.place_call("support", "1", "", SHORT))
        await stranger.ask(Action="Ping")
        assert stranger.events() == []
        await stranger.close()


async def test_a_secret_that_is_made_up_is_long_and_stands_in_no_repr() -> None:
    async with simulator() as pbx:
        assert len(pbx.secret) >= 20
        assert pbx.secret not in f"{pbx!r}{pbx.ami!r}{pbx.switch!r}"


async def test_logoff_says_goodbye() -> None:
    async with simulator() as pbx:
        client = await AmiClient.logged_in(pbx)
        client.write(Action="Logoff", ActionID="9")
        await client.until(lambda message: message.get("Response") == "Goodbye")
        await client.gone()
        await client.close()


# --- actions ---


async def test_ping_an_unknown_action_and_none_at_all() -> None:
    async with simulator() as pbx:
        client = await AmiClient.logged_in(pbx)
        pong = await client.ask(Action="Ping", ActionID="a b")
        assert (pong["Response"], pong["ActionID"], pong["Ping"]) == ("Success", "a b", "Pong")
        assert await client.ask(Action="Dance", ActionID="2") == {
            "Response": "Error",
            "ActionID": "2",
            "Message": "Invalid/unknown command",
        }
        assert (await client.ask(Hello="world"))["Message"] == "Missing action in request"
        await client.close()


async def test_actions_in_pieces_and_several_at_once_are_all_answered() -> None:
    async with simulator() as pbx:
        client = await AmiClient.logged_in(pbx)
        for byte in b"Action: Ping\r\nActionID: 1\r\n\r\nAction: Ping\r\nActionID: 2\r\n\r\nAction: Pi":
            client.write_bytes(bytes([byte]))
            await asyncio.sleep(0)
        client.write_bytes("ng\r\nActionID: ж\r\n\r\n".encode())
        await client.until(lambda message: message.get("ActionID") == "ж")
        assert [dict(one)["ActionID"] for one in client.messages if ("Ping", "Pong") in one] == ["1", "2", "ж"]
        await client.close()


async def test_a_message_without_end_is_cut_off() -> None:
    async with simulator() as pbx:
        client = await AmiClient.logged_in(pbx)
        client.write_bytes(b"x" * 200_000)
        await client.gone()
        await client.close()


async def test_a_channel_that_is_not_there_cannot_be_set() -> None:
    async with simulator() as pbx:
        client = await AmiClient.logged_in(pbx)
        answer = await client.ask(Action="Setvar", ActionID="2", Channel="PJSIP/x-0001", Variable="A", Value="1")
        assert answer == {"Response": "Error", "ActionID": "2", "Message": "No such channel"}
        assert (await client.ask(Action="Setvar", Channel="PJSIP/x-0001"))["Message"] == "No variable specified"
        await client.close()


async def test_queue_status_tells_the_agents_and_who_waits() -> None:
    async with simulator() as pbx:
        client = await AmiClient.logged_in(pbx)
        calls = [pbx.place_call("support", str(n), "Anna", Behaviour(ring_seconds=60)) for n in (1, 2)]
        await client.until(lambda message: message.get("Count") == "2")
        client.write(Action="QueueStatus", ActionID="q", Queue="support")
        await client.until(lambda message: message.get("Event") == "QueueStatusComplete")
        listing = [dict(one) for one in client.messages if ("ActionID", "q") in one]
        assert [one.get("Event", one.get("Message")) for one in listing] == [
            "Queue status will follow",
            "QueueParams",
            "QueueMember",
            "QueueEntry",
            "QueueEntry",
            "QueueStatusComplete",
        ]
        assert listing[0]["EventList"] == "start"
        assert listing[1]["Calls"] == "2"
        assert (listing[2]["Name"], listing[2]["Location"], listing[2]["Status"]) == ("Doe, John", "PJSIP/1001", "6")
        assert [(one["Position"], one["Uniqueid"]) for one in listing[3:5]] == [
            ("1", calls[0].uniqueid),
            ("2", calls[1].uniqueid),
        ]
        assert (listing[5]["EventList"], listing[5]["ListItems"]) == ("Complete", "4")
        await client.close()


async def test_the_channels_that_are_up_are_shown_with_their_bridge() -> None:
    async with simulator() as pbx:
        client = await AmiClient.logged_in(pbx)
        call = pbx.place_call("sales", "1", "", Behaviour(talk_seconds=40))
        await client.until(lambda message: message.get("BridgeNumChannels") == "2")
        client.write(Action="CoreShowChannels", ActionID="c")
        done = await client.until(lambda message: message.get("Event") == "CoreShowChannelsComplete")
        assert done["ListItems"] == "2"
        caller, agent = [dict(one) for one in client.messages if one[0] == ("Event", "CoreShowChannel")]
        assert caller["Uniqueid"] == agent["Linkedid"] == call.uniqueid
        assert caller["BridgeId"] == agent["BridgeId"] != ""
        assert caller["Application"] == "Queue"
        await client.close()


# --- arming a caller's channel ---


def arm_at_connect(client: AmiClient, value: str) -> None:
    def on_event(event: dict[str, str]) -> None:
        if event.get("Event") == "AgentConnect":
            client.write(Action="Setvar", Channel=event["Channel"], Variable="CHANNEL(after_bridge_goto)", Value=value)

    client.on_event = on_event


@pytest.mark.parametrize("ends", ["agent", "blind_transfer", "attended_transfer"])
async def test_an_armed_caller_comes_to_the_survey_once_after_the_last_agent(ends) -> None:
    sessions = []

    async def serve(peer) -> None:
        sessions.append(dict(peer.headers))

    async with survey_server(serve) as address, simulator(dialplan={"rating": address}) as pbx:
        client = await AmiClient.logged_in(pbx)
        arm_at_connect(client, "rating,begin,3")
        call = await over(pbx.place_call("sales", "1", "", Behaviour(talk_seconds=2.0, ends=ends)))
        await client.close()
    (session,) = sessions
    assert session["agi_uniqueid"] == call.uniqueid
    assert (session["agi_context"], session["agi_extension"], session["agi_priority"]) == ("rating", "begin", "3")
    assert call.armed
    assert call.dialplan_went_on
    assert len(call.interfaces) == (1 if ends == "agent" else 2)


@pytest.mark.parametrize("value", ["", "elsewhere,s,1", "rating", "rating,s,x"])
async def test_a_caller_who_is_not_armed_or_sent_to_where_nothing_is_is_hung_up(value: str) -> None:
    async def serve(peer) -> None:
        raise AssertionError("nobody was to come")

    async with survey_server(serve) as address, simulator(dialplan={"rating": address}) as pbx:
        client = await AmiClient.logged_in(pbx)
        if value:
            arm_at_connect(client, value)
        call = await over(pbx.place_call("sales", "1", "", Behaviour(talk_seconds=2.0)))
        await client.until(lambda message: message.get("Event") == "Hangup" and message["Uniqueid"] == call.uniqueid)
        await client.close()
    assert call.agi_status is None
    assert not call.dialplan_went_on


async def test_a_caller_who_hangs_up_first_never_comes_to_the_survey() -> None:
    async with simulator(dialplan={"rating": "agi://127.0.0.1:1/survey"}) as pbx:
        client = await AmiClient.logged_in(pbx)
        arm_at_connect(client, "rating,s,1")
        call = await over(pbx.place_call("sales", "1", "", Behaviour(talk_seconds=2.0, ends="caller")))
        await client.close()
    assert call.armed
    assert call.agi_status is None


# --- the event stream ---


async def test_only_the_filtered_events_come_unless_all_are_asked_for() -> None:
    for events, more in ((SURVEY_EVENTS, False), (None, True)):
        async with simulator(events=events) as pbx:
            client = await AmiClient.logged_in(pbx)
            await over(pbx.place_call("support", "1", "", SHORT))
            await client.ask(Action="Ping")
            assert ("Newchannel" in client.names()) is more
            assert (set(client.names()) <= SURVEY_EVENTS | {"FullyBooted"}) is not more
            await client.close()


async def test_a_client_gets_the_classes_that_it_asked_for() -> None:
    async with simulator(events=None) as pbx:
        silent = await AmiClient.logged_in(pbx, Events="off")
        agents = await AmiClient.logged_in(pbx, Events="agent,system")
        await over(pbx.place_call("support", "1", "", SHORT))
        for client in (silent, agents):
            await client.ask(Action="Ping")
        assert silent.names() == []
        assert {"FullyBooted", "AgentConnect"} <= set(agents.names())
        assert not {"Hangup", "BridgeEnter"} & set(agents.names())
        for client in (silent, agents):
            await client.close()


async def test_every_client_hears_the_same() -> None:
    async with simulator() as pbx:
        clients = [await AmiClient.logged_in(pbx) for _ in range(3)]
        await over(pbx.place_call("support", "1", "", SHORT))
        for client in clients:
            await client.ask(Action="Ping")
        heard = [client.events()[1:] for client in clients]
        assert heard[0] == heard[1] == heard[2]
        assert "AgentComplete" in clients[0].names()
        for client in clients:
            await client.close()


async def test_names_with_quotes_line_breaks_and_any_script_stay_within_their_header() -> None:
    async with simulator() as pbx:
        client = await AmiClient.logged_in(pbx)
        call = pbx.place_call("support", "1", 'Анна "O\'Neil"\r\nEvent: Shutdown', SHORT)
        await over(call)
        joined = await client.until(lambda message: message.get("Event") == "QueueCallerJoin")
        assert joined["CallerIDName"] == r"Анна \"O\'Neil\"\r\nEvent: Shutdown"
        connected = await client.until(lambda message: message.get("Event") == "AgentConnect")
        assert connected["MemberName"] == "Doe, John"
        assert call.channel.variables["MEMBERNAME"] == "Doe"
        await client.close()


async def test_a_client_that_does_not_read_is_dropped_and_the_others_go_on() -> None:
    async with simulator(events=None, write_timeout=0.05) as pbx:
        stuck = socket.create_connection(("127.0.0.1", pbx.port))
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(f"Action: Login\r\nUsername: {pbx.user}\r\nSecret: {pbx.secret}\r\n\r\n".encode())
        client = await AmiClient.logged_in(pbx)
        async with asyncio.timeout(LIMIT):
            while pbx.ami.clients == 2:
                call = pbx.place_call("support", "1", "x" * 50_000, Behaviour(talk_seconds=0, ring_seconds=0))
                await call.wait()
        assert (await client.ask(Action="Ping"))["Ping"] == "Pong"
        await client.close()
        stuck.close()


async def test_a_restart_of_the_pbx_cuts_every_client_off() -> None:
    async with simulator() as pbx:
        client = await AmiClient.logged_in(pbx)
        pbx.ami.drop_clients()
        await client.gone()
        await client.close()
        again = await AmiClient.logged_in(pbx)
        await again.close()


async def test_stopping_ends_calls_and_clients() -> None:
    pbx = simulator()
    await pbx.start()
    client = await AmiClient.logged_in(pbx)
    call = pbx.place_call("support", "1", "", Behaviour(talk_seconds=10_000))
    await client.until(lambda message: message.get("Event") == "AgentConnect")
    pbx.place_call("support", "2", "", Behaviour(ring_seconds=10_000))
    await client.until(lambda message: message.get("Event") == "QueueCallerJoin" and message["CallerIDNum"] == "2")
    await pbx.stop()
    await client.gone()
    await client.close()
    await over(call)
    assert pbx.calls == set()
    assert pbx.switch.board.all() == []
    assert not any(member.reserved for member in pbx.switch.floor.members)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", pbx.port)
