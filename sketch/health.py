"""A route that says whether requests should be sent here: for load balancers and orchestrators.

It knows the application's own state. Whether a database can be reached is for the application to ask, in a
handler of its own.
"""

from typing import Any

from .response import Response
from .routing.routedef import RouteDef, get

_FIELDS = {"Cache-Control": "no-store"}


def readiness(path: str = "/ready", **kwargs: Any) -> RouteDef:
    """A route for ``GET`` and ``HEAD`` that answers 200 while the application is being served, and 503 from
    the moment it begins to go away: with ``drain_delay``, that is before anything else happens.

    ``**kwargs``
        those of `sketch.routing.routedef.get`.

    Use: ``app.add_routes([web.readiness()])``."""
    return get(path, _answer_readiness, **kwargs)


async def _answer_readiness(request: Any) -> Response:
    # The state is that of the whole, wherever the route is mounted.
    if request.match_info.apps[0].is_ready:
        return Response(text="ready\n", headers=_FIELDS)
    return Response(text="not ready\n", status=503, headers=_FIELDS)
