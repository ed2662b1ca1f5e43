"""All tables, so that whoever takes one from here knows them all."""

from storage.account_tables import Account, ApiToken, RecordingLook, WebSession
from storage.base import CHANNEL, CODE, LABEL, NAME, SITE, WORD, Base
from storage.call_tables import Agent, Call, Leg, LinkGap, Queue, Reason, Site
from storage.count_tables import MONTHS, NO_RATING, CallCount, Coverage, Funnel, Tally
from storage.lease_table import Lease
from storage.survey_tables import Answer, Callback, Credit, FlowVersion, OptOut, Publication, Survey

__all__ = [
    "CHANNEL",
    "CODE",
    "LABEL",
    "MONTHS",
    "NAME",
    "NO_RATING",
    "SITE",
    "WORD",
    "Account",
    "Agent",
    "Answer",
    "ApiToken",
    "Base",
    "Call",
    "CallCount",
    "Callback",
    "Coverage",
    "Credit",
    "FlowVersion",
    "Funnel",
    "Lease",
    "Leg",
    "LinkGap",
    "OptOut",
    "Publication",
    "Queue",
    "Reason",
    "RecordingLook",
    "Site",
    "Survey",
    "Tally",
    "WebSession",
]
