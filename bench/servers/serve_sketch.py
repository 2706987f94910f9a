"""sketch, as `run_app` starts it, without access log. It finds uvloop by itself."""

from options import HOST, access_logger, parse
from web_app import make_app

from sketch import web

options = parse()
web.run_app(
    make_app(web, options),
    host=HOST,
    port=options.port,
    access_log=access_logger("sketch.access", options.access_log),
    print=None,
)
