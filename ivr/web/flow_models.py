"""What the flow endpoints answer; the field descriptions are the API's documentation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self
from urllib.parse import quote

from pydantic import BaseModel, Field

from ivr.surveys.flows import InForce
from ivr.surveys.publishing import FlowsStatus, Refusal
from storage.records import PublicationRecord, Way


class NextPublication(BaseModel):
    """A version that is planned."""

    version: str = Field(description="Digest of the version")
    in_force_from: datetime = Field(description="From when, in UTC")

    @classmethod
    def of(cls, publication: PublicationRecord) -> Self:
        """The body for a planned publication."""
        return cls(version=publication.digest, in_force_from=publication.in_force_from)


class RefusalBody(BaseModel):
    """A file that is not in force as it stands."""

    file: str = Field(description="The file's path")
    flow: str | None = Field(description="The flow that it held before; null when it never held a good one")
    refused_at: datetime = Field(description="When it was seen, in UTC")
    messages: list[str] = Field(description="What is wrong, one line a mistake, with line and column")

    @classmethod
    def of(cls, refusal: Refusal) -> Self:
        """The body for a refusal."""
        return cls(
            file=str(refusal.path), flow=refusal.flow or None, refused_at=refusal.at, messages=list(refusal.mistakes)
        )


class FlowBody(BaseModel):
    """A flow as callers are put it now."""

    flow: str = Field(description="The flow's code")
    title: str
    languages: list[str]
    version: str = Field(description="Digest of the version in force")
    since: datetime = Field(description="Since when this version has been in force without a break, in UTC")
    way: Way = Field(description="How it came to be in force")
    next: NextPublication | None = Field(description="What comes into force next; null when nothing is planned")
    files: list[str] = Field(description="The files in the flows' folder that hold this flow, good or refused")
    file_gone: bool = Field(description="True when a file held it since the service started, and none does any more")
    refusal: RefusalBody | None = Field(description="Why its file is refused as it stands; null when it is not")
    href: str = Field(description="Where its publications are found")

    @classmethod
    def of(cls, state: InForce, status: FlowsStatus) -> Self:
        """The body for a flow."""
        code = state.version.flow.flow
        refusals = [refusal for refusal in status.refusals.values() if refusal.flow == code]
        return cls(
            flow=code,
            title=state.version.flow.title,
            languages=list(state.version.flow.languages),
            version=state.version.digest,
            since=state.since,
            way=state.publication.way,
            next=NextPublication.of(state.coming) if state.coming else None,
            files=[str(path) for path, file in status.files.items() if file.flow == code],
            file_gone=code in status.orphans,
            refusal=RefusalBody.of(refusals[0]) if refusals else None,
            href=f"/api/v1/flows/{quote(code, safe='')}/versions",
        )


class FlowsBody(BaseModel):
    """Answer of `GET /api/v1/flows`."""

    flows: list[FlowBody] = Field(description="Every flow with a version in force, by code")
    refused: list[RefusalBody] = Field(description="Every file that is refused as it stands")
    problem: str | None = Field(description="Why changes are not seen at the moment; null when they are")


class PublicationBody(BaseModel):
    """A version was put in force."""

    version: str = Field(description="Digest of the version")
    in_force_from: datetime = Field(description="From when, in UTC; until the next one's begins")
    published_at: datetime = Field(description="When that was decided, in UTC")
    way: Way = Field(description="With the release, by a file, by a command, or by a rollback")
    by: str | None = Field(description="The file's name, or the user who gave the command; null when not known")
    in_force: bool = Field(description="True for the one that holds now")
    surveys: int = Field(description="Surveys offered with this version, whenever it was in force")


class VersionsBody(BaseModel):
    """Answer of `GET /api/v1/flows/{flow}/versions`."""

    flow: str
    publications: list[PublicationBody] = Field(description="The last one to come into force first")

    @classmethod
    def of(
        cls,
        flow: str,
        in_order: list[PublicationRecord],
        current: PublicationRecord | None,
        surveys: Mapping[str, int],
    ) -> Self:
        """The body for a flow's publications."""
        return cls(
            flow=flow,
            publications=[
                PublicationBody(
                    version=one.digest,
                    in_force_from=one.in_force_from,
                    published_at=one.published_at,
                    way=one.way,
                    by=one.published_by or None,
                    in_force=one == current,
                    surveys=surveys.get(one.digest, 0),
                )
                for one in reversed(in_order)
            ],
        )
