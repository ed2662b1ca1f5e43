"""The flow language as JSON Schema, made from the models, for editors that complete and underline."""

from typing import Any

from callflows.model import Flow

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def flow_schema() -> dict[str, Any]:
    """What a flow file may be, as far as types alone can say it: `postcall flows check` finds the rest."""
    schema: dict[str, Any] = _for_editors(Flow.model_json_schema(by_alias=True))
    return {"$schema": DIALECT, **schema, "title": "Call flow"}


def _for_editors(part: Any) -> Any:
    if isinstance(part, list):
        return [_for_editors(item) for item in part]
    if not isinstance(part, dict):
        return part
    made = {name: _for_editors(value) for name, value in part.items()}
    match made:
        case {"anyOf": [allowed, {"type": "null"}]}:
            # A setting is left out, and not written as null.
            made = {**made, **allowed, "description": made.get("description", "")}
            del made["anyOf"], made["default"]
        case {"pattern": str(pattern)}:
            made["pattern"] = _ecma(pattern)
        case {"patternProperties": dict(named)}:
            made["patternProperties"] = {_ecma(pattern): value for pattern, value in named.items()}
            made["additionalProperties"] = False
    return made


def _ecma(pattern: str) -> str:
    """Python's ``\\z`` is unknown to the ECMA-262 patterns of JSON Schema, whose ``$`` stands for the end alone."""
    return pattern.replace("\\z", "$")
