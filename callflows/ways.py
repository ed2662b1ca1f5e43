"""The ways through a flow: which step may follow which."""

from collections.abc import Callable, Iterator

from callflows.model import Branch, EndStep, Flow, FlowStep, questions_of
from callflows.questions import AnyQuestion

Place = tuple[str | int, ...]


def following(flow: Flow, position: int) -> Iterator[tuple[int, Place]]:
    """The positions that may come after a step, with the setting that says so; ``("steps", position)`` for none.

    The position past the last step is among them where a flow just goes on.
    """
    step, place = flow.steps[position], ("steps", position)
    match step:
        case EndStep():
            return
        case Branch():
            for i, case in enumerate(step.cases):
                yield flow.position(case.go), (*place, "cases", i, "go")
            target, setting = step.otherwise, "otherwise"
        case _:
            target, setting = step.go, "go"
    yield (flow.position(target), (*place, setting)) if target else (position + 1, place)


def reachable(flow: Flow) -> set[int]:
    """The positions that some caller may come to."""
    found, waiting = {0}, [0]
    while waiting:
        for position, _ in following(flow, waiting.pop()):
            if position not in found and position < len(flow.steps):
                found.add(position)
                waiting.append(position)
    return found


def loops(flow: Flow) -> list[tuple[int, int, Place]]:
    """Each step back into the way that led to it: from, to, and the setting that says so."""
    found: list[tuple[int, int, Place]] = []
    done: set[int] = set()

    def walk(position: int, way: tuple[int, ...]) -> None:
        for after, place in following(flow, position):
            if after in way:
                found.append((position, after, place))
            elif after not in done and after < len(flow.steps):
                walk(after, (*way, after))
        done.add(position)

    walk(0, (0,))
    return found


def put_before(flow: Flow, position: int) -> list[AnyQuestion]:
    """The questions that some caller may have been put before coming to a step, in the order of the file."""
    earlier = {position}
    found = True
    while found:
        found = False
        for i in range(len(flow.steps)):
            if i not in earlier and any(after in earlier for after, _ in following(flow, i)):
                earlier.add(i)
                found = True
    return [question for i in sorted(earlier - {position}) for question in questions_of(flow.steps[i])]


def longest(flow: Flow, cost: Callable[[FlowStep], float]) -> float:
    """The highest sum of costs on any way through a flow without loops."""
    costs: dict[int, float] = {}

    def from_here(position: int) -> float:
        if position not in costs:
            after = max((from_here(after) for after, _ in following(flow, position)), default=0.0)
            costs[position] = cost(flow.steps[position]) + after
        return costs[position]

    return from_here(0)
