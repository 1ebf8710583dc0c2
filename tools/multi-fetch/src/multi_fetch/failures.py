"""What libcurl's errors mean in our terms.

Its own texts can hold URLs and headers, which may be secret: ours are made from what is known
to be harmless.
"""

import errno
import os

import pycurl

from .jobs import ErrorKind, FetchError

_E_PROXY = 97  # pycurl has no name for it
_KINDS: dict[int, ErrorKind] = {
    pycurl.E_URL_MALFORMAT: "url",
    pycurl.E_COULDNT_RESOLVE_PROXY: "dns",
    pycurl.E_COULDNT_RESOLVE_HOST: "dns",
    pycurl.E_COULDNT_CONNECT: "connect",
    _E_PROXY: "connect",
    pycurl.E_PARTIAL_FILE: "reset",
    pycurl.E_GOT_NOTHING: "reset",
    pycurl.E_SEND_ERROR: "reset",
    pycurl.E_RECV_ERROR: "reset",
    **dict.fromkeys(
        (
            pycurl.E_SSL_CONNECT_ERROR,
            pycurl.E_SSL_CERTPROBLEM,
            pycurl.E_SSL_CIPHER,
            pycurl.E_PEER_FAILED_VERIFICATION,
            pycurl.E_SSL_CACERT_BADFILE,
            pycurl.E_SSL_SHUTDOWN_FAILED,
            pycurl.E_SSL_ISSUER_ERROR,
            pycurl.E_SSL_ENGINE_INITFAILED,
        ),
        "tls",
    ),
}

_MESSAGES: dict[ErrorKind, str] = {
    "url": "a URL that cannot be requested",
    "dns": "the host has no address",
    "connect": "cannot connect",
    "tls": "no TLS connection",
    "reset": "the connection was closed too early",
    "protocol": "the server does not speak HTTP as it should",
}

_TLS_WORDS = {
    "self-signed": "the certificate is self-signed",
    "self signed": "the certificate is self-signed",
    "expired": "the certificate has expired",
    "local issuer": "nobody we trust has issued the certificate",
    "subject name": "the certificate is for another name",
    "does not match": "the certificate is for another name",
    "wrong version number": "wrong version number",
    "error adding trust anchors": "the trusted certificates cannot be read",
    "error setting certificate": "the trusted certificates cannot be read",
}

_SIGNS_OF_RESET = ("Recv failure", "SSL_read", "reset", "EOF", "eof")
"""In the message of a receiving error: it is the connection's, not of what came over it."""


def closed_early() -> FetchError:
    """Return the error of a connection that ended before an answer had begun."""
    return FetchError("reset", _MESSAGES["reset"])


def failure(code: int, message: str, easy: pycurl.Curl, *, answered: bool) -> FetchError:
    """Return what the failure of a transfer means.

    Args:
        code: libcurl's (CURLE_...).
        message: libcurl's.
        easy: the handle that failed.
        answered: whether the headers of an answer had come.
    """
    kind = _KINDS.get(code, "protocol")
    if "CONNECT tunnel failed" in message:
        return FetchError("connect", "cannot connect: the proxy refuses")
    if code == pycurl.E_RECV_ERROR and not any(sign in message for sign in _SIGNS_OF_RESET):
        kind = "protocol"
    if kind == "reset" and answered:
        return FetchError(kind, "the connection was closed before the body was complete")
    return FetchError(kind, _MESSAGES[kind] + _reason(kind, message, easy))


def _reason(kind: ErrorKind, message: str, easy: pycurl.Curl) -> str:
    """Return more of why, in words that hold no secret."""
    number = easy.getinfo(pycurl.OS_ERRNO)
    if kind in {"connect", "reset"} and number in errno.errorcode:
        return f": {os.strerror(number)}"
    if kind == "tls":
        return next((f": {text}" for sign, text in _TLS_WORDS.items() if sign in message), "")
    return ""
