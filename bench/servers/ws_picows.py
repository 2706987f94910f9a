"""picows's own interface on uvloop: listeners that get frames. It has no permessage-deflate, does not join
fragments, and does not look whether a text is UTF-8."""

import uvloop
from options import HOST, parse
from picows import WSListener, WSMsgType, ws_create_server

receivers = set()


class Echo(WSListener):
    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        else:
            transport.send(frame.msg_type, frame.get_payload_as_memoryview())


class Subscribe(WSListener):
    def on_ws_connected(self, transport):
        receivers.add(transport)

    def on_ws_disconnected(self, transport):
        receivers.discard(transport)


class Publish(WSListener):
    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.TEXT:
            message = frame.get_payload_as_bytes()
            for receiver in receivers:
                receiver.send(WSMsgType.TEXT, message)


LISTENERS = {b"/echo": Echo, b"/subscribe": Subscribe, b"/publish": Publish}


def choose(request):
    listener = LISTENERS.get(request.path)
    return listener and listener()


async def main():
    server = await ws_create_server(choose, HOST, parse().port)
    await server.serve_forever()


uvloop.run(main())
