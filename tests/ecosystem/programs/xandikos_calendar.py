"""xandikos: its CalDAV server, as its command starts it, spoken to as calendar programs do."""

import asyncio
import os
import re
import signal
import tempfile

import aiohttp
from talking import say
from xandikos.__main__ import main

EVENT = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//tests//EN\r
BEGIN:VEVENT\r
UID:meeting@example.org\r
DTSTAMP:20260101T000000Z\r
DTSTART:20260101T100000Z\r
SUMMARY:{}\r
END:VEVENT\r
END:VCALENDAR\r
"""
ASK = '<d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/><d:displayname/></d:prop></d:propfind>'
QUERY = (
    '<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">'
    "<d:prop><c:calendar-data/></d:prop>"
    '<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"/></c:comp-filter></c:filter>'
    "</c:calendar-query>"
)
ICAL = {"Content-Type": "text/calendar"}
XML = {"Content-Type": "application/xml", "Depth": "1"}
PATH = "/user/calendars/calendar/a.ics"


async def ask(session: aiohttp.ClientSession, method: str, path: str, **arguments: object) -> None:
    async with session.request(method, path, allow_redirects=False, **arguments) as response:
        shown = {
            name: response.headers.get(name) for name in ("Content-Type", "DAV", "Allow", "Location", "Vary")
        }
        text = await response.text()
        # The names of git's objects differ from run to run.
        say(method, path, response.status, shown, len(text), re.sub(r"[0-9a-f]{40}", "", text)[:3000])


async def speak(connector: aiohttp.BaseConnector) -> None:
    async with aiohttp.ClientSession("http://calendars.example", connector=connector) as session:
        await ask(session, "GET", "/")
        await ask(session, "GET", "/.well-known/caldav")
        await ask(session, "OPTIONS", "/user/")
        await ask(session, "PROPFIND", "/user/calendars/", data=ASK, headers=XML)
        await ask(session, "MKCOL", "/user/calendars/work")
        await ask(session, "PUT", PATH, data=EVENT.format("Meeting"), headers=ICAL)
        await ask(session, "PUT", PATH, data="x", headers={**ICAL, "If-None-Match": "*"})
        await ask(session, "PUT", PATH, data="x", headers=ICAL)
        await ask(session, "GET", PATH)
        await ask(session, "HEAD", PATH)
        await ask(session, "REPORT", "/user/calendars/calendar/", data=QUERY, headers=XML)
        large = EVENT.format("long " * 100_000).replace("meeting", "marathon")
        await ask(session, "PUT", "/user/calendars/calendar/b%20c.ics", data=large, headers=ICAL)
        await ask(session, "GET", "/user/calendars/calendar/b%20c.ics")
        await ask(session, "DELETE", PATH)
        await ask(session, "GET", PATH)
        await ask(session, "PROPFIND", "/nobody/", data=ASK, headers=XML)


async def serve(directory: str) -> None:
    """What ``xandikos serve`` does, until it is told to end as by its service manager."""
    path = f"{directory}/socket"
    serving = asyncio.create_task(main(["serve", "--defaults", "-d", f"{directory}/data", "-l", path]))
    while not os.path.exists(path) and not serving.done():  # noqa: ASYNC110, ASYNC240 - it tells nobody
        await asyncio.sleep(0.01)
    await speak(aiohttp.UnixConnector(path))
    os.kill(os.getpid(), signal.SIGTERM)
    say("ended", await serving)


with tempfile.TemporaryDirectory() as directory:
    asyncio.run(serve(directory))
