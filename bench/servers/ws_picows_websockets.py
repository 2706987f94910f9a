"""picows by its other interface, the one of the websockets library: coroutines, and permessage-deflate."""

from picows.websockets.asyncio import broadcast, serve
from ws_websockets import run

run(serve, broadcast)
