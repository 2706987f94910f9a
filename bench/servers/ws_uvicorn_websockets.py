"""A bare ASGI application on uvicorn with uvloop, its WebSockets by websockets, as uvicorn chooses itself."""

import uvicorn
from options import HOST, parse
from ws_app import app

uvicorn.run(
    app,
    host=HOST,
    port=parse().port,
    loop="uvloop",
    http="httptools",
    ws="websockets-sansio",
    lifespan="off",
    access_log=False,
    log_level="warning",
)
