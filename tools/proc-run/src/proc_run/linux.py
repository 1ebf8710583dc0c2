"""What Linux offers, and Python's own modules do not: by ctypes."""

from __future__ import annotations

import ctypes
import os
import struct

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PR_SET_CHILD_SUBREAPER = 36

_BITS = 8 * ctypes.sizeof(ctypes.c_ulong)
_SignalSet = ctypes.c_ulong * (1024 // _BITS)  # sigset_t of glibc and musl

_SIGINFO = struct.Struct("=IiiI112x")
"""signalfd_siginfo(2): signo, errno, code, pid of the sender, and what nobody asks for."""

_MANY = 16

FROM_THE_KERNEL = 0x80
"""The code (SI_KERNEL) of a signal that nobody sent: from a key of the terminal, say."""

_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends (Linux 3.4).

    Raises:
        OSError: the system does not know that.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: int) -> None:
    """Be sent a signal when the thread ends that this process was forked by.

    Raises:
        OSError: the system does not know that.
    """
    _prctl(_PR_SET_PDEATHSIG, number)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def signal_descriptor(numbers: set[int]) -> int:
    """Return a descriptor that tells of these signals, which have to be blocked.

    Raises:
        OSError: there are no descriptors left.
    """
    wanted = _SignalSet()
    for number in numbers:
        wanted[(number - 1) // _BITS] |= 1 << (number - 1) % _BITS
    descriptor: int = _libc.signalfd(-1, ctypes.byref(wanted), os.O_CLOEXEC | os.O_NONBLOCK)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return descriptor


def pending_signals(descriptor: int) -> list[tuple[int, int]]:
    """Return number and code of each signal that came; each is told once."""
    try:
        block = os.read(descriptor, _MANY * _SIGINFO.size)
    except BlockingIOError:
        return []
    return [(number, code) for number, _, code, _ in _SIGINFO.iter_unpack(block)]
