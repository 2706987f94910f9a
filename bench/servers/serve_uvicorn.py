"""A bare ASGI application on uvicorn with uvloop and httptools, one process, without access log."""

import uvicorn
from asgi_app import app
from options import HOST, parse

uvicorn.run(
    app,
    host=HOST,
    port=parse().port,
    loop="uvloop",
    http="httptools",
    ws="none",
    lifespan="off",
    access_log=False,
    log_level="warning",
    timeout_keep_alive=75,
)
