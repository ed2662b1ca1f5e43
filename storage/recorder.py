"""The one thing that writes."""

from storage.call_recorder import CallRecorder
from storage.opt_outs import OptOutRecorder
from storage.survey_recorder import SurveyRecorder


class Recorder(CallRecorder, SurveyRecorder, OptOutRecorder):
    """Records calls and surveys in an open `Database`. Safe to use from many tasks and processes at once."""
