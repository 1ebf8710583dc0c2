"""Look at logs: their heads, their tails also while they rotate, and the lines that matter."""

from toolroll_shared.lazy import exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cursors import resume as resume
    from .followed import Following as Following
    from .following import follow as follow
    from .heading import head_bytes as head_bytes
    from .heading import head_lines as head_lines
    from .lasting import tail as tail
    from .lines import pieces_of as pieces_of
    from .matching import Line as Line
    from .matching import Search as Search
    from .matching import count_selected as count_selected
    from .matching import selected_lines as selected_lines
    from .starting import Start as Start
    from .watching import Watcher as Watcher
else:
    __getattr__ = exports(
        __name__,
        {
            "Following": "followed",
            "Line": "matching",
            "Search": "matching",
            "Start": "starting",
            "Watcher": "watching",
            "count_selected": "matching",
            "follow": "following",
            "head_bytes": "heading",
            "head_lines": "heading",
            "pieces_of": "lines",
            "resume": "cursors",
            "selected_lines": "matching",
            "tail": "lasting",
        },
    )

__all__ = [
    "Following",
    "Line",
    "Search",
    "Start",
    "Watcher",
    "count_selected",
    "follow",
    "head_bytes",
    "head_lines",
    "pieces_of",
    "resume",
    "selected_lines",
    "tail",
]
