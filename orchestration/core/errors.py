"""The one kind of error that is meant for people."""


class QuarterdeckError(Exception):
    """Something a person can act on.

    The message is one sentence (or a few) that names what is wrong and what to do; it is shown without a traceback.
    """
