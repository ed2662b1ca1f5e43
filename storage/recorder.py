"""The one thing that writes."""

from storage.call_recorder import CallRecorder
from storage.credit_recorder import CreditRecorder
from storage.publication_recorder import PublicationRecorder
from storage.survey_recorder import SurveyRecorder


class Recorder(CallRecorder, SurveyRecorder, CreditRecorder, PublicationRecorder):
    """Records calls, surveys, credits and publications. Safe to use from many tasks and processes at once."""
