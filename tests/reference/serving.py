"""Serves an app on a free port until standard input ends, so that no server outlives its test; `settings` are uvicorn's."""

import os
import socket
import sys
import threading

import uvicorn


def serve(app, **settings):
    # asyncio sends without delay only where a socket says that it is one of TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    # From here on connections are accepted, if only by the kernel.
    print("listening on http://{}:{}".format(*listener.getsockname()), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", **settings)).run(sockets=[listener])


def end_with_standard_input():
    sys.stdin.read()
    os._exit(0)
