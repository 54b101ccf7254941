"""A function that is an HTTP server: the contract of Function Compute's custom runtimes."""

import hashlib
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Function(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        payload = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/invoke":
            self.answer(404, {"errorMessage": "not found", "errorType": "NotFound"})
        elif payload == b"fail":
            error = {"errorMessage": "the payload says so", "errorType": "Asked"}
            self.answer(200, error, fc_status=404)
        else:
            sha256 = hashlib.sha256(payload).hexdigest()
            request_id = self.headers.get("x-fc-request-id")
            self.answer(200, {"sha256": sha256, "requestId": request_id})

    def answer(self, status, content, fc_status=200):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-fc-status", str(fc_status))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(os.environ.get("FC_SERVER_PORT", 9000))
    ThreadingHTTPServer(("", port), Function).serve_forever()
