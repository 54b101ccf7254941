"""A receiver of results: verifies each with the library of the Standard Webhooks project, once with every
secret, and tells what it was told."""

import json
import os
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

ENDPOINT = os.environ["EKIDEN_ENDPOINT"]
KEY = f"{os.environ['EKIDEN_ACCESS_KEY_ID']}:{os.environ['EKIDEN_ACCESS_KEY_SECRET']}"
FUNCTION = f"{ENDPOINT}/services/examples/functions/echo"
verified = threading.Event()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = [Webhook(secret).verify(body, headers) for secret in sys.argv[1:]]
        other = Webhook("whsec_b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcg==")
        for wrong, key in [(body, other), (body + b" ", Webhook(sys.argv[1]))]:
            try:
                key.verify(wrong, headers)
                sys.exit("it verifies anything")
            except WebhookVerificationError:
                pass
        print(json.dumps(told[0]))
        self.send_response(204)
        self.end_headers()
        verified.set()

    def log_message(self, *_):
        pass


def send(method, path, body, headers={}):
    headers = {"authorization": f"Bearer {KEY}", **headers}
    request = urllib.request.Request(FUNCTION + path, body, headers, method=method)
    urllib.request.urlopen(request).close()


receiver = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{receiver.server_port}/"
config = {"destinationConfig": {"onSuccess": {"destination": url}}}
send("PUT", "/async-invoke-config", json.dumps(config).encode())
send("POST", "/invocations", b"hello", {"x-fc-invocation-type": "Async"})
if not verified.wait(60):
    sys.exit("nothing came that could be verified")
