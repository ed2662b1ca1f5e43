"""`/openapi.json` says what there is, and the service does what it says."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import positive_data_acceptance
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.definitions import OPENAPI_31

from ivr.parts.web import OPERATIONS
from ivr.web.openapi import document
from tests.web.whole import TOKEN, Whole, whole

DOCUMENT = document(OPERATIONS, version="1.0")
EXAMPLES = 6
"""Of each kind, for each operation."""
PLACE = re.compile(r"\{(\w+)[^/]*\}")


def documented() -> list[tuple[str, str, dict[str, Any]]]:
    """Every method and path with what is said of it."""
    return [(method.upper(), path, told) for path, ways in DOCUMENT["paths"].items() for method, told in ways.items()]


def test_it_is_openapi_by_the_official_schema() -> None:
    jsonschema.Draft202012Validator(OPENAPI_31).validate(DOCUMENT)


def test_it_has_every_operation_below_api_and_nothing_else() -> None:
    there = {(operation.method, PLACE.sub(r"{\1}", operation.path)) for operation in OPERATIONS}
    assert {(method, path) for method, path, _ in documented()} == there


def test_every_name_is_the_name_of_one_operation() -> None:
    names = [told["operationId"] for _, _, told in documented()]
    assert len(set(names)) == len(names)


def test_every_parameter_says_what_it_is_and_has_an_example_that_fits() -> None:
    for method, path, told in documented():
        for parameter in told["parameters"]:
            where = f"{method} {path}: {parameter['name']}"
            assert parameter["description"], where
            example = next(iter(parameter["schema"].get("examples", [])), None)
            fixed = parameter["schema"].get("enum", parameter["schema"].get("default"))
            assert example is not None or fixed is not None, where
            if example is not None:
                jsonschema.validate(example, parameter["schema"])


def test_every_operation_says_who_may_ask_and_with_which_problems_it_may_be_refused() -> None:
    for operation in OPERATIONS:
        told = DOCUMENT["paths"][PLACE.sub(r"{\1}", operation.path)][operation.method.lower()]
        assert told["summary"]
        assert f"Roles: {', '.join(sorted(operation.roles))}." in told["description"]
        for status in ("400", "401", "403", "404", "503", *map(str, operation.problems)):
            assert list(told["responses"][status]["content"]) == ["application/problem+json"]


@pytest.fixture
async def here(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Whole]:
    shutil.copy(migrated_file, tmp_path / "postcall.db")
    async with whole(f"sqlite:///{tmp_path / 'postcall.db'}", tmp_path, calls=0) as service:
        yield service


async def test_it_is_served_to_everybody_and_not_again_to_who_has_it(here: Whole) -> None:
    async with here.client.get(f"{here.url}/openapi.json") as response:
        assert response.status == 200
        assert (await response.json())["paths"].keys() == DOCUMENT["paths"].keys()
        tag = response.headers["ETag"]
    async with here.client.get(f"{here.url}/openapi.json", headers={"If-None-Match": tag}) as response:
        assert response.status == 304
        assert await response.read() == b""


async def test_scores_that_have_not_changed_are_not_sent_again_and_kept_by_nobody_else(here: Whole) -> None:
    address, header = f"{here.url}/api/v1/agents/scores", {"Authorization": f"Bearer {TOKEN}"}
    async with here.client.get(address, headers=header) as response:
        tag = response.headers["ETag"]
        assert response.headers["Cache-Control"] == "private, no-cache"
    for known, status in ((tag, 304), (tag.removeprefix("W/"), 304), ("*", 304), ('"another"', 200)):
        async with here.client.get(address, headers={**header, "If-None-Match": known}) as response:
            assert response.status == status, known


# The service, in the same process, may use `random` while a strategy draws.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
async def test_whatever_is_asked_is_answered_as_the_document_says(here: Whole) -> None:
    # The requests block, so they are made beside the service's loop.
    await asyncio.to_thread(ask_everything, here.url)


def ask_everything(url: str) -> None:
    """Ask every operation what the document allows, and what it does not; the same requests at every run."""
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == "/api/v1/live":
            continue  # a stream, of which there is no end to wait for
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            ask(operation, mode, url)
        asked += 1
    assert asked == len(documented()) - 1


def ask(operation: APIOperation, mode: GenerationMode, url: str) -> None:
    """Ask one operation some examples."""

    @seed(5)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case: Case) -> None:
        header = {"Authorization": f"Bearer {TOKEN}"}
        # Which sites, flows and calls there are stands in no document: any other code is refused.
        case.validate_response(
            case.call(base_url=url, headers=header), headers=header, excluded_checks=[positive_data_acceptance]
        )

    asked()
