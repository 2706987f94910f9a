"""OpenTelemetry's instrumentation of servers: spans and metrics of requests, in memory."""

import warnings

with warnings.catch_warnings():
    # It warns when it derives a class of its own from web.Application, which is what it is here for.
    warnings.simplefilter("ignore", DeprecationWarning)
    from opentelemetry.instrumentation.aiohttp_server import AioHttpServerInstrumentor

    AioHttpServerInstrumentor().instrument()

from aiohttp import web
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from talking import Client, say, show, talk

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def hello(request: web.Request) -> web.Response:
    with trace.get_tracer("tests").start_as_current_span("inside"):
        return web.Response(text=f"hello {request.match_info['name']}")


async def fails(request: web.Request) -> web.Response:
    raise LookupError("nothing there")


async def refuses(request: web.Request) -> web.Response:
    raise web.HTTPForbidden


async def speak(client: Client) -> None:
    parent = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    await show(await client.get("/hello/Ada?a=1", headers=parent))
    say((await client.get("/fails")).status)
    await show(await client.post("/refuses"))
    await show(await client.get("/nowhere"))


def report(exporter: InMemorySpanExporter, reader: InMemoryMetricReader) -> None:
    names = ("http.method", "http.status_code", "http.route", "http.target", "http.scheme", "http.flavor")
    spans = exporter.get_finished_spans()
    for span in spans:
        attributes = {name: (span.attributes or {}).get(name) for name in names}
        say(span.name, str(span.kind), str(span.status.status_code), attributes)
    assert [span.name for span in spans][:2] == ["inside", "GET /hello/{name}"], spans
    assert {format(span.context.trace_id, "032x") for span in spans[:2]} == {TRACE}
    data = reader.get_metrics_data()
    assert data is not None
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        say(metric.name, sum(getattr(point, "count", 0) for point in metric.data.data_points))


def make() -> web.Application:
    app = web.Application()
    app.add_routes([web.get("/hello/{name}", hello), web.get("/fails", fails), web.post("/refuses", refuses)])
    return app


if __name__ == "__main__":
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(MeterProvider([reader]))
    talk(make(), speak)
    report(exporter, reader)
