"""A flow as it is put to callers where not all of its languages can be spoken."""

from collections.abc import Collection

from callflows.model import Flow, LanguageChoice


def in_languages(flow: Flow, languages: Collection[str]) -> Flow:
    """The flow with only those of its languages that are in `languages`, at least one of them.

    No way through it leads to another language: a queue's, or that of a key, is taken out, and the caller is not asked
    for the language when there is no choice left.
    """
    left = tuple(language for language in flow.languages if language in languages)
    if left == flow.languages:
        return flow
    if not left:
        raise ValueError("a flow needs a language")
    choice = flow.language
    keys = {key: language for key, language in choice.keys.items() if language in left}
    has_choice = len(set(keys.values())) > 1
    narrower = LanguageChoice(
        variable=choice.variable,
        queues={queue: language for queue, language in choice.queues.items() if language in left},
        ask=choice.ask if has_choice else None,
        keys=keys if has_choice else {},
    )
    return flow.model_copy(update={"languages": left, "language": narrower})
