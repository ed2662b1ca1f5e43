"""`/flows` and `/flows/{flow}`: what callers are put, its drawing, its versions and what is different between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from callflows.chart import chart
from callflows.differences import differences
from callflows.loader import FlowVersion, parse_flow
from callflows.svg import svg
from ivr.errors import FlowError
from ivr.surveys.versions import in_force, in_order, moment
from ivr.web.access import SUPERVISORS
from ivr.web.flows import FLOWS, FlowSource
from ivr.web.operations import Operation
from ivr.web.pages.frame import render
from ivr.web.problems import Problem, wrong_parameter
from ivr.web.try_link import try_link
from ivr.web.try_page import ROOM
from storage.publication_queries import flow_versions, publications
from storage.records import PublicationRecord

SHORT = 12
"""How many digits of a digest are shown."""
TRY_FOR = timedelta(hours=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What is different between two versions, in words."""

    before: str
    """Digest, as that below."""
    after: str
    lines: Sequence[str]
    """None of them when a caller would notice nothing."""


async def flows(request: web.Request) -> web.Response:
    """Every flow with a version in force, and every file that is refused."""
    source = request.app[FLOWS]
    states = [state for code in source.shelf.codes if (state := source.shelf.state(code))]
    return render(
        request, "flows.html", here="flows", states=states, refusals=list(source.status.refusals.values()), short=SHORT
    )


async def flow(request: web.Request) -> web.Response:
    """One flow; `before` and `after` choose the versions that are compared."""
    source = request.app[FLOWS]
    code = request.match_info["flow"]
    state = source.shelf.state(code)
    published = in_order(await publications(source.database, code))
    if state is None or not published:
        raise Problem(404, "No such flow", f"flow: no flow {code[:64]!r} is in force", "flow")
    versions = await _versions(source, published)
    language = _language(request, state.version)
    room = request.app.get(ROOM)
    return render(
        request,
        "flow.html",
        here="flows",
        state=state,
        language_shown=language,
        published=list(reversed(published)),
        current=in_force(published, moment(published, source.now())),
        readable=versions,
        difference=_difference(request, published, versions),
        try_path=try_link(room.token, code, source.now() + TRY_FOR) if room else None,
        try_until=source.now() + TRY_FOR,
        short=SHORT,
        now=source.now(),
    )


async def drawing(request: web.Request) -> web.Response:
    """The version in force as a picture, with its texts in one language."""
    code = request.match_info["flow"]
    version = request.app[FLOWS].shelf.find(code)
    if version is None:
        raise Problem(404, "No such flow", f"flow: no flow {code[:64]!r} is in force", "flow")
    drawn = svg(chart(version.flow, _language(request, version)))
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return web.Response(text=drawn, content_type="image/svg+xml", headers=headers)


async def _versions(source: FlowSource, published: Sequence[PublicationRecord]) -> Mapping[str, FlowVersion]:
    """By digest, the versions that can still be read: the flow language may have changed since."""
    found: dict[str, FlowVersion] = {}
    for record in await flow_versions(source.database, {one.digest for one in published}):
        try:
            found[record.digest] = parse_flow(record.source, record.flow)
        except FlowError:
            continue
    return found


def _difference(
    request: web.Request, published: Sequence[PublicationRecord], versions: Mapping[str, FlowVersion]
) -> Difference | None:
    """Between the versions that are asked for, or else the last two that differ; None when there is but one."""
    known = list(dict.fromkeys(one.digest for one in published if one.digest in versions))
    chosen = [_chosen(request, name, known) for name in ("before", "after")]
    if len(known) < 2:
        return None
    after = chosen[1] or next(one.digest for one in reversed(published) if one.digest in known)
    before = chosen[0] or next(digest for digest in reversed(known) if digest != after)
    return Difference(before=before, after=after, lines=differences(versions[before].flow, versions[after].flow))


def _chosen(request: web.Request, name: str, known: Sequence[str]) -> str | None:
    given = request.query.get(name)
    if given is not None and given not in known:
        raise wrong_parameter(name, given, "the digest of a version of this flow")
    return given


def _language(request: web.Request, version: FlowVersion) -> str:
    given = request.query.get("language")
    if given is None:
        return version.flow.languages[0]
    if given not in version.flow.languages:
        raise wrong_parameter("language", given, f"one of {', '.join(version.flow.languages)}")
    return given


OPERATIONS = [
    Operation(
        method="GET",
        path="/flows",
        handler=flows,
        roles=SUPERVISORS,
        summary="The flows",
        answers={200: "text/html"},
    ),
    Operation(
        method="GET",
        path="/flows/{flow}",
        handler=flow,
        roles=SUPERVISORS,
        summary="One flow",
        answers={200: "text/html"},
    ),
    Operation(
        method="GET",
        path="/flows/{flow}/drawing.svg",
        handler=drawing,
        roles=SUPERVISORS,
        summary="The drawing of a flow",
        answers={200: "image/svg+xml"},
    ),
]
