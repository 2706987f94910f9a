"""The answer to an exception that nobody handled: 500, and what may be said about it.

Without debug nothing of the inside leaves the process; whoever calls this writes the log. With debug the
client is taken for the developer, and gets all that `sketch.debugpage` has to tell. Which of the two it is
is the caller's decision.
"""

from typing import TYPE_CHECKING, Final

from .http import names
from .http.deferred import deferred
from .http.mediatype import accepts
from .logs import web_logger
from .request import BaseRequest
from .response import Response

if TYPE_CHECKING:
    from .debugpage import page, plain, report, style
else:
    page = deferred(".debugpage.page", __package__)
    plain = deferred(".debugpage.plain", __package__)
    report = deferred(".debugpage.report", __package__)
    style = deferred(".debugpage.style", __package__)

_TITLE: Final = "500 Internal Server Error"
_TEXT: Final = "Server got itself in trouble"
_PLAIN: Final = f"{_TITLE}\n\n{_TEXT}"
_HTML: Final = (
    f"<html><head><title>{_TITLE}</title></head><body>\n<h1>{_TITLE}</h1>\n{_TEXT}\n</body></html>\n"
)
_NOTHING_ALLOWED: Final = "default-src 'none'; frame-ancestors 'none'"


def server_error(request: BaseRequest, exception: BaseException, *, debug: bool) -> Response:
    """The response for ``exception``, as HTML for clients that name ``text/html`` in ``Accept``, else as
    plain text. Never raises.

    ``debug``
        whether to tell what happened.
    """
    wants_html = _wants_html(request)
    if debug:
        try:
            return _debug_page(request, exception, wants_html)
        except Exception:
            # An exception that cannot be shown is not worth a second one; its traceback is logged by the
            # caller, and this one here.
            web_logger.exception("the debug page could not be made")
    return _response(_HTML if wants_html else _PLAIN, wants_html, _NOTHING_ALLOWED)


def _debug_page(request: BaseRequest, exception: BaseException, wants_html: bool) -> Response:
    collected = report.collect_report(exception, request)
    if not wants_html:
        return _response(plain.render_plain(collected), wants_html, _NOTHING_ALLOWED)
    return _response(page.render_page(collected), wants_html, style.CONTENT_SECURITY_POLICY)


def _wants_html(request: BaseRequest) -> bool:
    """Whether the client is a browser: one that names HTML, which ``*/*`` alone does not."""
    try:
        accept = ",".join(request.headers.getall(names.ACCEPT, ()))
        return "text/html" in accept.lower() and accepts(accept, "text/html") > 0
    except Exception:
        return False


def _response(text: str, is_html: bool, policy: str) -> Response:
    return Response(
        # Half a surrogate pair, from a header or a file name, is no UTF-8.
        body=text.encode("utf-8", "backslashreplace"),
        status=500,
        content_type="text/html" if is_html else "text/plain",
        charset="utf-8",
        headers={
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
        },
    )
