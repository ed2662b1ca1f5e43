"""The one thing that writes."""

from storage.call_recorder import CallRecorder
from storage.publication_recorder import PublicationRecorder
from storage.survey_recorder import SurveyRecorder


class Recorder(CallRecorder, SurveyRecorder, PublicationRecorder):
    """Records calls, surveys and publications. Safe to use from many tasks and processes at once."""
