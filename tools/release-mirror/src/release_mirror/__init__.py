"""Mirror GitHub projects' release assets into a folder, idempotently."""

from typing import TYPE_CHECKING

from toolroll_shared.lazy import exports

if TYPE_CHECKING:
    from .mirror import Options as Options
    from .mirror import Run as Run
    from .mirror import Target as Target
    from .plan import OnReplaced as OnReplaced
    from .report import Report as Report
    from .rules import Rules as Rules
    from .transfer import Pace as Pace
else:
    __getattr__ = exports(
        __name__,
        {
            "OnReplaced": "plan",
            "Options": "mirror",
            "Pace": "transfer",
            "Report": "report",
            "Rules": "rules",
            "Run": "mirror",
            "Target": "mirror",
        },
    )

__all__ = ["OnReplaced", "Options", "Pace", "Report", "Rules", "Run", "Target"]
