"""Why a command could not do what it was asked. Each message is a sentence that says what to do."""

WRONG, TRY_AGAIN = 1, 3


class Failure(Exception):
    """It cannot be done."""

    exit_code = WRONG


class NotFound(Failure):
    """There is no such thing."""


class Conflict(Failure):
    """The object is another one than what was read."""


class NotStarted(Failure):
    """The container has no log yet."""


class Unavailable(Failure):
    """What was asked does not answer: the same command may work later."""

    exit_code = TRY_AGAIN
