"""aiohttp.web on uvloop, one process, without access log."""

import uvloop
from aiohttp import web
from options import HOST, access_logger, parse
from web_app import make_app

options = parse()
web.run_app(
    make_app(web, options),
    host=HOST,
    port=options.port,
    access_log=access_logger("aiohttp.access", options.access_log),
    print=None,
    loop=uvloop.new_event_loop(),
)
