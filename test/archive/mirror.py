# SPDX-License-Identifier: GPL-2.0-or-later
"""A mirror on loopback that passes Debian's on, and lies where a test wants it to."""

import contextlib
import http.server
import threading
import urllib.error
import urllib.request

REAL = "http://deb.debian.org"


class Mirror:
    """`lie(path, content)` returns what is given in place of the content."""

    def __init__(self, lie):
        self.asked = []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                try:
                    with urllib.request.urlopen(REAL + self.path, timeout=60) as answer:
                        content = lie(self.path, answer.read())
                except urllib.error.HTTPError as error:
                    self.send_error(error.code)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_address[1]}/debian"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def honest():
    with Mirror(lambda path, content: content) as mirror:
        yield mirror
