"""The one thing that writes."""

from storage.call_recorder import CallRecorder
from storage.credit_recorder import CreditRecorder
from storage.survey_recorder import SurveyRecorder


class Recorder(CallRecorder, SurveyRecorder, CreditRecorder):
    """Records calls and surveys in an open `Database`. Safe to use from many tasks and processes at once."""
