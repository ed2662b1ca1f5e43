"""The one thing that writes."""

from storage.call_recorder import CallRecorder
from storage.callback_recorder import CallbackRecorder
from storage.credit_recorder import CreditRecorder
from storage.opt_outs import OptOutRecorder
from storage.publication_recorder import PublicationRecorder
from storage.survey_recorder import SurveyRecorder


class Recorder(
    CallRecorder,
    SurveyRecorder,
    CreditRecorder,
    OptOutRecorder,
    PublicationRecorder,
    CallbackRecorder,
):
    """Records calls, surveys, credits, opt-outs, publications and call-backs.

    Safe to use from many tasks and processes at once.
    """
