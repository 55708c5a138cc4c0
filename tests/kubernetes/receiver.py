# SPDX-License-Identifier: Apache-2.0
"""
A webhook's receiver: each record that comes with the right token and signature is a line of a file.

    receiver.py ADDRESS PORT TOKEN KEY FILE
"""

import hashlib
import hmac
import http.server
import json
import sys

ADDRESS, PORT, TOKEN, KEY, FILE = sys.argv[1:]


def is_ours(headers, body):
    """Whether both are right, by what keelwatch.yaml(5) says of them."""
    text = headers.get("X-Keelwatch-Timestamp", "").encode() + b"." + body
    signature = "sha256=" + hmac.new(KEY.encode(), text, hashlib.sha256).hexdigest()
    return headers.get("Authorization") == f"Bearer {TOKEN}" and headers.get("X-Keelwatch-Signature") == signature


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        ours = is_ours(self.headers, body)
        if ours:
            with open(FILE, "a") as f:
                f.writelines(json.dumps(record) + "\n" for record in json.loads(body))
        self.send_response(200 if ours else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


Server((ADDRESS, int(PORT)), Handler).serve_forever()
