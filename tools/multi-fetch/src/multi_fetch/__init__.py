"""Fetch many URLs at once: an engine that takes jobs and yields one true result for each."""

from typing import TYPE_CHECKING

from toolroll_shared.lazy import exports

if TYPE_CHECKING:
    from .engine import Fetcher as Fetcher
    from .jobs import FetchError as FetchError
    from .jobs import Job as Job
    from .jobs import Limits as Limits
    from .jobs import Refusal as Refusal
    from .jobs import Result as Result
    from .jobs import Timing as Timing
    from .sinks import FileSink as FileSink
    from .sinks import HashSink as HashSink
    from .sinks import Held as Held
    from .sinks import LostPart as LostPart
    from .sinks import RejectedBody as RejectedBody
    from .sinks import Sink as Sink
else:
    __getattr__ = exports(
        __name__,
        {
            "FetchError": "jobs",
            "Fetcher": "engine",
            "FileSink": "sinks",
            "HashSink": "sinks",
            "Held": "sinks",
            "Job": "jobs",
            "Limits": "jobs",
            "LostPart": "sinks",
            "Refusal": "jobs",
            "RejectedBody": "sinks",
            "Result": "jobs",
            "Sink": "sinks",
            "Timing": "jobs",
        },
    )

__all__ = [
    "FetchError",
    "Fetcher",
    "FileSink",
    "HashSink",
    "Held",
    "Job",
    "Limits",
    "LostPart",
    "Refusal",
    "RejectedBody",
    "Result",
    "Sink",
    "Timing",
]
