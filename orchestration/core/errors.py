"""The one kind of error that is meant for people."""


class QuarterdeckError(Exception):
    """Something a person can act on.

    The message is one sentence (or a few) that names what is wrong and what to do; it is shown without a traceback.
    """


class TransientError(QuarterdeckError):
    """A failure that may pass by itself, so that the step is worth another try: a network that is away, a busy service."""
