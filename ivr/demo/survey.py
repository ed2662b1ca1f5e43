"""What the dialplan does with a caller whose last agent is gone: the survey's context, if there is one."""

from ivr.demo.agi_client import run_agi
from ivr.demo.agi_commands import AgiCommands
from ivr.demo.listener import Listener
from ivr.demo.stage import Stage


async def go_on(stage: Stage) -> None:
    """Send the caller to the armed context, or the queue's own; without one, or when the dialplan has no such
    context, the caller is hung up."""
    caller, call = stage.caller, stage.call
    goto = caller.after_bridge_goto
    if goto is None and stage.queue.continue_to:
        goto = (stage.queue.continue_to, "s", 1)
    if goto is None or goto[0] not in stage.switch.dialplan:
        stage.end_caller()
        return
    caller.context, caller.exten, caller.priority = goto
    keys = stage.behaviour.keys_for(call.interfaces[-1] if call.interfaces else "")
    listener = Listener(caller, stage.behaviour, keys=keys, clock=stage.clock, emit=stage.emit)
    commands = AgiCommands(caller, listener, clock=stage.clock, prompt_seconds=stage.switch.prompt_seconds)
    addresses = stage.switch.dialplan[caller.context]
    try:
        for address in [addresses] if isinstance(addresses, str) else addresses:
            caller.application, caller.data = "AGI", address
            call.agi_status = await run_agi(
                address, caller, listener, commands, dialled=call.dialled, dialogue=call.dialogue
            )
            if call.agi_status != "FAILURE":
                break
    finally:
        listener.leave()
    caller.variables["AGISTATUS"] = call.agi_status or "FAILURE"
    caller.priority += 1
    call.dialplan_went_on = not listener.gone.is_set()
    stage.end_caller()
