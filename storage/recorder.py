"""The one thing that writes."""

from storage.call_recorder import CallRecorder
from storage.opt_outs import OptOutRecorder
from storage.publication_recorder import PublicationRecorder
from storage.survey_recorder import SurveyRecorder


class Recorder(CallRecorder, SurveyRecorder, OptOutRecorder, PublicationRecorder):
    """Records calls, surveys, opt-outs and publications. Safe to use from many tasks and processes at once."""
