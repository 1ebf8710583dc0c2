"""What led to an error is found wherever libraries put it."""

from toolroll_shared.causes import causes, first_cause


class WithReason(Exception):
    def __init__(self, reason: Exception) -> None:
        super().__init__("told elsewhere")
        self.reason = reason


def raised(outer: Exception, inner: Exception, *, cause: bool) -> Exception:
    """Return the outer error as it is where it was raised because of the inner one."""
    if cause:
        outer.__cause__ = inner
    else:
        outer.__context__ = inner
    return outer


def test_an_error_alone_is_its_only_cause() -> None:
    error = ValueError("alone")
    assert causes(error) == [error]


def test_causes_contexts_reasons_and_arguments_are_found() -> None:
    inner = OSError(2, "gone")
    for error in (
        raised(ValueError(), inner, cause=True),
        raised(ValueError(), inner, cause=False),
        WithReason(inner),
        ValueError("about", inner),
        ValueError(WithReason(raised(KeyError(), inner, cause=True))),
    ):
        assert causes(error)[0] is error
        assert first_cause(causes(error), OSError) is inner


def test_errors_that_lead_to_each_other_come_once() -> None:
    one, other = ValueError("one"), KeyError("other")
    one.__context__, other.__context__ = other, one
    assert causes(one) == [one, other]


def test_what_is_not_meant_is_passed_over() -> None:
    found = causes(raised(TimeoutError("outer"), ConnectionError("inner"), cause=True))
    assert str(first_cause(found, OSError, but=TimeoutError)) == "inner"
    assert first_cause(found, ValueError) is None
