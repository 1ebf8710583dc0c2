"""Run a command with limits, say how it ended, and leave nothing of it behind.

What is here is about the whole process: signals stay blocked, orphans are adopted. It is
meant for a process that has nothing else to do.
"""

from toolroll_shared.lazy import exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .attempts import Retries as Retries
    from .attempts import Runner as Runner
    from .hearing import Hearing as Hearing
    from .limits import Limits as Limits
    from .outlets import Outlet as Outlet
    from .plumbing import Plumbing as Plumbing
    from .results import Result as Result
    from .starting import Start as Start
    from .tails import Redaction as Redaction
else:
    __getattr__ = exports(
        __name__,
        {
            "Hearing": "hearing",
            "Limits": "limits",
            "Outlet": "outlets",
            "Plumbing": "plumbing",
            "Redaction": "tails",
            "Result": "results",
            "Retries": "attempts",
            "Runner": "attempts",
            "Start": "starting",
        },
    )

__all__ = [
    "Hearing",
    "Limits",
    "Outlet",
    "Plumbing",
    "Redaction",
    "Result",
    "Retries",
    "Runner",
    "Start",
]
