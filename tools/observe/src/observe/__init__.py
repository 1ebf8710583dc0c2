"""Logs and metrics for every toolroll tool, and for any command."""

from toolroll_shared.lazy import exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .metrics import Metrics as Metrics
    from .records import Record as Record
    from .records import record_of as record_of
    from .reports import Report as Report
    from .reports import report_of as report_of
    from .samples import accumulated as accumulated
    from .samples import exposition as exposition
    from .schema import problems_of as problems_of
    from .schema import schema_text as schema_text
else:
    __getattr__ = exports(
        __name__,
        {
            "Metrics": "metrics",
            "Record": "records",
            "Report": "reports",
            "accumulated": "samples",
            "exposition": "samples",
            "problems_of": "schema",
            "record_of": "records",
            "report_of": "reports",
            "schema_text": "schema",
        },
    )

__all__ = [
    "Metrics",
    "Record",
    "Report",
    "accumulated",
    "exposition",
    "problems_of",
    "record_of",
    "report_of",
    "schema_text",
]
