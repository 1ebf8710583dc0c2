"""Say which images of a container daemon could go, why, and what that frees; delete them."""

from toolroll_shared.lazy import exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .daemon import Daemon as Daemon
    from .deleting import Outcome as Outcome
    from .deleting import carry_out as carry_out
    from .endpoints import Endpoint as Endpoint
    from .models import Container as Container
    from .models import Detail as Detail
    from .models import Image as Image
    from .models import Plan as Plan
    from .models import Rule as Rule
    from .models import Stock as Stock
    from .models import Verdict as Verdict
    from .planning import make_plan as make_plan
    from .rules import Criteria as Criteria
else:
    __getattr__ = exports(
        __name__,
        {
            "Container": "models",
            "Criteria": "rules",
            "Daemon": "daemon",
            "Detail": "models",
            "Endpoint": "endpoints",
            "Image": "models",
            "Outcome": "deleting",
            "Plan": "models",
            "Rule": "models",
            "Stock": "models",
            "Verdict": "models",
            "carry_out": "deleting",
            "make_plan": "planning",
        },
    )

__all__ = [
    "Container",
    "Criteria",
    "Daemon",
    "Detail",
    "Endpoint",
    "Image",
    "Outcome",
    "Plan",
    "Rule",
    "Stock",
    "Verdict",
    "carry_out",
    "make_plan",
]
