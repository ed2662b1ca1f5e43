"""What a draw gives: the same for the same seed."""

from random import Random

from callflows.model import Draw
from callflows.questions import Question


def drawn_questions(step: Draw, seed: int) -> tuple[Question, ...]:
    """The questions of the bank that are put to the caller with this seed, in the order of the file."""
    drawn = Random(f"{seed}/{step.code}").sample(range(len(step.questions)), step.count)
    return tuple(step.questions[i] for i in sorted(drawn))
