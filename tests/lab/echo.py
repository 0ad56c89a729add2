"""A service without authentication: it says what reached it, as JSON. `echo.py PORT`; Python's standard library alone."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        seen = {"method": self.command, "path": self.path, "headers": self.headers.items(), "body": body}
        # A status that the caller wants, to see what the proxy makes of the service's own.
        status = int(self.headers.get("X-Wanted-Status") or 200)
        answer = json.dumps(seen).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_DELETE = do_HEAD = do_OPTIONS = do_POST = do_PUT = do_GET

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
