"""Mirror a GitHub project's release assets into a folder, idempotently."""

from typing import TYPE_CHECKING

from toolroll_shared.lazy import exports

if TYPE_CHECKING:
    from .mirror import Options as Options
    from .mirror import dry_run as dry_run
    from .mirror import mirror_repository as mirror_repository
    from .report import Report as Report
else:
    __getattr__ = exports(
        __name__,
        {
            "Options": "mirror",
            "Report": "report",
            "dry_run": "mirror",
            "mirror_repository": "mirror",
        },
    )

__all__ = ["Options", "Report", "dry_run", "mirror_repository"]
