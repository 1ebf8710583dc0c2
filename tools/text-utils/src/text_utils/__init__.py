"""Count, search and mend text: `wc-lite`, `contains`, `normalize`."""

from toolroll_shared.lazy import exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .normalize.ends import Mender as Mender
    from .normalize.texts import mended as mended
    from .wc_lite.counting import counts as counts
    from .wc_lite.counting import facts as facts
else:
    __getattr__ = exports(
        __name__,
        {
            "Mender": "normalize.ends",
            "counts": "wc_lite.counting",
            "facts": "wc_lite.counting",
            "mended": "normalize.texts",
        },
    )

__all__ = ["Mender", "counts", "facts", "mended"]
