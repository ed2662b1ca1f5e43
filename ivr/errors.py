"""What can go wrong, as a tree. The docstring of a class says when it is raised; the text of an instance is the one
line the user reads.

    PostcallError
    ├── SettingsError         a setting is missing, unknown or wrong
    ├── DatabaseError         the database is not there, or its schema is not the one this version needs
    │   ├── DatabaseAway      the database cannot be reached, and may come back by itself
    │   └── DatabaseRefuses   the database is there, and does not take what it is given
    ├── FlowError             a call flow file has mistakes
    ├── PbxError              the PBX cannot be reached, or does not do what it was asked
    │   ├── PbxRefused        the PBX answered, and said no: a wrong secret, or a right that the user lacks
    │   ├── NoSuchCall        the PBX has no such call, as far as is known
    │   └── NotTalking        the caller does not talk with an agent right now
    ├── ServiceStops          the service takes no new surveys, because it is about to end
    └── PhoneError            a call under way cannot be served any further
        ├── CallerHungUp      the caller is gone
        └── PromptMissing     the PBX could not play a prompt while the caller was still there
"""


class PostcallError(Exception):
    """Base of every error that is the user's to mend; its text is one line: what, where, what is allowed."""


class SettingsError(PostcallError):
    """A setting is missing, unknown or wrong."""


class DatabaseError(PostcallError):
    """The database is not there, or its schema is not the one this version needs."""


class DatabaseAway(DatabaseError):
    """The database cannot be reached; nothing says that it will not come back by itself."""


class DatabaseRefuses(DatabaseError):
    """The database is there, and does not take what it is given: to give it again would be of no use."""


class FlowError(PostcallError):
    """A call flow file has a mistake."""


class PbxError(PostcallError):
    """The PBX cannot be reached, or does not do what it was asked."""


class PbxRefused(PbxError):
    """The PBX answered and said no: a wrong secret, or a right that the AMI user lacks."""


class NoSuchCall(PbxError):
    """The PBX has no such call, as far as is known."""


class NotTalking(PbxError):
    """The caller does not talk with an agent right now: still waits, is asked already, or is about to leave."""


class PartStopped(PostcallError):
    """A part of the service that works in the background has broken off."""


class ServiceStops(PostcallError):
    """The service takes no new surveys, because it is about to end."""


class PhoneError(PostcallError):
    """A call under way cannot be served any further: the link to the PBX is gone, late, or makes no sense."""


class CallerHungUp(PhoneError):
    """The caller is gone; nothing more can be played or asked."""


class PromptMissing(PhoneError):
    """The PBX could not play a prompt although the caller was still on the line."""
