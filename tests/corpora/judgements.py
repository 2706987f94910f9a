"""Where our judgement of a request differs from that of a corpus: each case, and why.

Sections are those of RFC 9112 unless another is named. The lack of a ``Host`` is not listed: see
`tests.corpora.prepare`. `tests/corpora/test_corpora.py` holds that nothing is
missing here and nothing is stale.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Cases that we judge differently for one reason.

    ``ours``
        ``taken`` and ``refused`` where the corpus says the opposite; ``read otherwise`` where both take it.
    """

    ours: str
    section: str
    reason: str
    cases: tuple[str, ...]


DIFFERENCES = (
    # -- llhttp refuses, we take ---------------------------------------------------------------------------
    Difference(
        "taken",
        "9.6",
        "the request is answered, and the connection closed without a look at what follows",
        (
            "llhttp/connection: No restart when keep-alive is off (1.0)",
            "llhttp/connection: CRLF between requests, explicit `close`",
            "llhttp/connection: CRLF between requests, explicit `close` followed by tab",
        ),
    ),
    Difference(
        "taken",
        "3.1",
        "a method is any token: whether it is known is not the parser's question (501 or 405)",
        (
            "llhttp/invalid: HTTP protocol and ANNOUNCE method",
            "llhttp/invalid: Invalid method",
        ),
    ),
    # -- llhttp takes, we refuse: protocols ----------------------------------------------------------------
    Difference(
        "refused",
        "2.3",
        "a request line of another protocol: RTSP, ICE",
        (
            "llhttp/method: SOURCE request with ICE",
            "llhttp/method: OPTIONS request with RTSP",
            "llhttp/method: ANNOUNCE request with RTSP",
        ),
    ),
    Difference(
        "refused",
        "2.3",
        "a request line without a version: HTTP/0.9 is not a part of HTTP any more",
        ("llhttp/sample: No HTTP version",),
    ),
    Difference(
        "refused",
        "RFC 9110, 2.5; RFC 9113, 3.4",
        "another major version; no HTTP/2 is spoken here, so its preface is no request",
        (
            "llhttp/lenient-version: Invalid HTTP version (lenient)",
            "llhttp/method: PRI request HTTP2",
        ),
    ),
    # -- llhttp takes, we refuse: targets ------------------------------------------------------------------
    Difference(
        "refused",
        "3.2.4",
        "the asterisk is for OPTIONS",
        ("llhttp/method: M-SEARCH request",),
    ),
    Difference(
        "refused",
        "3.2",
        "a target has no fragment, and no client sends one",
        ("llhttp/uri: Fragment in URI", "gunicorn/valid/005"),
    ),
    Difference(
        "refused",
        "RFC 9110, 4.2.4",
        "a user in a target is an error: it hides what the host is",
        (
            "llhttp/uri: `host:port` and basic auth",
            "gunicorn/valid/rfc9112_target_absolute_userinfo_01",
        ),
    ),
    Difference(
        "refused",
        "RFC 9110, 9.3.6",
        "a CONNECT has no content: one that declares some leaves in doubt where the tunnel begins",
        ("llhttp/method: CONNECT with body",),
    ),
    # -- llhttp takes, we refuse: lines --------------------------------------------------------------------
    Difference(
        "refused",
        "2.2",
        "a second empty line before a request: one is to be ignored",
        ("llhttp/connection: CRLF between requests, implicit `keep-alive`",),
    ),
    Difference(
        "refused",
        "2.2",
        "lines that end in a bare LF (lenient mode)",
        ("llhttp/invalid: Only LFs present (lenient)",),
    ),
    Difference(
        "refused",
        "2.2",
        "a bare CR in the place of a line end (lenient modes)",
        (
            "llhttp/lenient-headers: Empty headers separated by CR (lenient)",
            "llhttp/sample: No LF after CR (lenient)",
            "llhttp/transfer-encoding: Chunk header not terminated by CRLF (lenient)",
        ),
    ),
    Difference(
        "read otherwise",
        "2.2",
        "the head is not over at a bare CR (lenient mode): it goes on, and what comes then is refused",
        ("llhttp/content-length: Missing CRLF-CRLF before body (lenient)",),
    ),
    Difference(
        "refused",
        "5.2",
        "a folded line (llhttp's and gunicorn's lenient modes)",
        (
            "llhttp/connection: Multiple tokens with folding",
            "llhttp/connection: Multiple tokens with folding, LWS, and CRLF",
            "llhttp/invalid: Spaces before headers (lenient)",
            "llhttp/sample: Line folding in header value with CRLF",
            "llhttp/sample: X-SSL-Nonsense",
            "gunicorn/valid/compat_obs_fold",
            "gunicorn/valid/compat_obs_fold_huge",
        ),
    ),
    Difference(
        "refused",
        "5.1",
        "white space between a field name and its colon (lenient modes)",
        (
            "llhttp/connection: Invalid whitespace token with `Connection` header field (lenient)",
            "llhttp/content-length: Invalid whitespace token with `Content-Length` header field (lenient)",
            "gunicorn/valid/028",
        ),
    ),
    Difference(
        "refused",
        "RFC 9110, 5.5",
        "a control character in a field value (lenient modes)",
        (
            "llhttp/lenient-header-value-relaxed: Control char in header value (relaxed)",
            "llhttp/lenient-headers: Header value (lenient)",
            "llhttp/lenient-headers: Second request header value (lenient)",
        ),
    ),
    # -- framing -------------------------------------------------------------------------------------------
    Difference(
        "refused",
        "6.1",
        "Transfer-Encoding beside Content-Length (lenient mode)",
        (
            "llhttp/content-length: No error on simultaneous `Content-Length` and "
            "`Transfer-Encoding: identity` (lenient)",
            "llhttp/transfer-encoding: POST with `Transfer-Encoding` and `Content-Length` (lenient)",
        ),
    ),
    Difference(
        "refused",
        "6.3",
        "a Transfer-Encoding that does not end in chunked (lenient mode)",
        (
            "llhttp/transfer-encoding: POST with `chunked` before other transfer-coding (lenient)",
            "llhttp/transfer-encoding: POST with `chunked` and duplicate transfer-encoding (lenient)",
        ),
    ),
    Difference(
        "refused",
        "6.1",
        "a transfer coding that is not understood: 501 is asked for, and identity is none any more",
        (
            "llhttp/transfer-encoding: POST with `chunked` as last transfer-encoding",
            "llhttp/transfer-encoding: POST with `chunked` as last transfer-encoding (multiple headers)",
            "gunicorn/valid/025",
            "gunicorn/valid/025_line",
            "gunicorn/valid/029",
            "gunicorn/valid/030",
            "gunicorn/valid/rfc9112_smuggle_gzip_chunked_01",
            "gunicorn/valid/rfc9112_smuggle_te_identity_chunked_01",
        ),
    ),
    Difference(
        "refused",
        "7.1",
        "a chunk whose data does not end where its size says, or with space after the size (lenient modes)",
        (
            "llhttp/transfer-encoding: Chunk data not terminated by CRLF (lenient)",
            "llhttp/transfer-encoding: Space after chunk header (lenient)",
        ),
    ),
    Difference(
        "refused",
        "8",
        "the body breaks off: it is shorter than its Content-Length",
        ("gunicorn/valid/099",),
    ),
    # -- gunicorn refuses, we take -------------------------------------------------------------------------
    Difference(
        "taken",
        "3.1",
        "a method is any token, of any length and in any case",
        ("gunicorn/invalid/003c",),
    ),
    Difference(
        "read otherwise",
        "RFC 9110, 9.1",
        "a method is case-sensitive, and is not changed (a mode of gunicorn's changes it)",
        ("gunicorn/valid/031compat",),
    ),
    Difference(
        "taken",
        "3; RFC 9110, 5.4",
        "smaller limits than ours, by default or set for the case; nothing else is wrong",
        (
            "gunicorn/invalid/006",
            "gunicorn/invalid/008",
            "gunicorn/invalid/009",
            "gunicorn/invalid/010",
            "gunicorn/invalid/011",
            "gunicorn/invalid/012",
            "gunicorn/invalid/017",
            "gunicorn/invalid/limit_header_default_01",
        ),
    ),
    Difference(
        "refused",
        "RFC 9110, 5.4",
        "a field line of 8204 bytes, for which the case raises the limit that is ours, too",
        ("gunicorn/valid/024", "gunicorn/valid/026"),
    ),
    Difference(
        "taken",
        "RFC 9110, 5.1",
        "an underscore is a character of names: no CGI variable is made of them here",
        ("gunicorn/invalid/040", "gunicorn/invalid/chunked_07"),
    ),
    Difference(
        "taken",
        "RFC 9110, 5.3",
        "two Content-Type fields are the application's: they say nothing about framing or routing",
        ("gunicorn/invalid/041",),
    ),
    Difference(
        "taken",
        "RFC 7239, 8.1",
        "X-Forwarded-* fields are nothing unless a proxy is trusted, which the case configures",
        ("gunicorn/invalid/019",),
    ),
    Difference(
        "taken",
        "RFC 9110, 6.5.1",
        "fields that may not be trailers are dropped and have no effect, as the section allows",
        (
            "gunicorn/invalid/rfc9110_trailer_forbidden_cl_01",
            "gunicorn/invalid/rfc9110_trailer_forbidden_host_01",
            "gunicorn/invalid/rfc9110_trailer_forbidden_te_01",
        ),
    ),
    Difference(
        "refused",
        "3",
        "a PROXY header, which is no HTTP, and which the case configures",
        (
            "gunicorn/valid/pp_01",
            "gunicorn/valid/pp_02",
            "gunicorn/valid/pp_04",
            "gunicorn/valid/pp_05",
        ),
    ),
)
"""All of them."""
