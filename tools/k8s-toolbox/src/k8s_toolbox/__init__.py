"""Pods, logs and events of a Kubernetes cluster; it can only read."""

from toolroll_shared.lazy import exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cluster import Cluster as Cluster
    from .kubeconfigs import Chosen as Chosen
    from .kubeconfigs import choose as choose
    from .lists import Lists as Lists
    from .models import Event as Event
    from .models import Pod as Pod
    from .problems import Problem as Problem
    from .problems import problem_of as problem_of
    from .queries import Query as Query
    from .reading import Reading as Reading
    from .statuses import Summary as Summary
    from .statuses import summary_of as summary_of
    from .wanted import Wanted as Wanted
else:
    __getattr__ = exports(
        __name__,
        {
            "Chosen": "kubeconfigs",
            "Cluster": "cluster",
            "Event": "models",
            "Lists": "lists",
            "Pod": "models",
            "Problem": "problems",
            "Query": "queries",
            "Reading": "reading",
            "Summary": "statuses",
            "Wanted": "wanted",
            "choose": "kubeconfigs",
            "problem_of": "problems",
            "summary_of": "statuses",
        },
    )

__all__ = [
    "Chosen",
    "Cluster",
    "Event",
    "Lists",
    "Pod",
    "Problem",
    "Query",
    "Reading",
    "Summary",
    "Wanted",
    "choose",
    "problem_of",
    "summary_of",
]
