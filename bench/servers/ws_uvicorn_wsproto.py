"""A bare ASGI application on uvicorn with uvloop, its WebSockets by wsproto; one process, no access log."""

import uvicorn
from options import HOST, parse
from ws_app import app

uvicorn.run(
    app,
    host=HOST,
    port=parse().port,
    loop="uvloop",
    http="httptools",
    ws="wsproto",
    lifespan="off",
    access_log=False,
    log_level="warning",
)
