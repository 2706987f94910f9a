"""socketify with asynchronous handlers, one process, no access log."""

from options import GREETING, HOST, parse
from socketify import App, AppListenOptions

# The pool of response objects is an option of the documentation for speed.
app = App(request_response_factory_max_items=1000)
reading = set()


async def plaintext(response, request):
    response.write_header("Content-Type", "text/plain; charset=utf-8").end(GREETING)


async def json(response, request):
    response.end({"message": GREETING})


async def user(response, request):
    response.write_header("Content-Type", "text/plain; charset=utf-8").end(request.get_parameter(0))


async def echo(response, request):
    # socketify 0.0.31 keeps no reference to a response that waits for its body: once a garbage collection
    # came in between, the process would end with "b_from_handle".
    reading.add(response)
    body = await response.get_json()
    reading.discard(response)
    response.cork_end(body)


app.get("/", plaintext)
app.get("/json", json)
app.get("/user/:name", user)
app.post("/echo", echo)
app.listen(AppListenOptions(port=parse().port, host=HOST))
app.run()
