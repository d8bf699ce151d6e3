# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless browser, driven over its debugging pipe: looking at a page as a reader does."""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time


class BrowserError(Exception):
    """The browser did not do what it was asked for."""


def installed():
    """Is there a browser?"""
    return shutil.which("chromium") is not None


class Browser:
    """One chromium with one page. Its debugging protocol goes through two pipes: JSON texts with a NUL behind each."""

    TIMEOUT = 120

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="klp-browser-")
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # The browser reads from descriptor 3 and writes to 4.
        self._process = subprocess.Popen(
            ["sh", "-c", 'exec chromium "$@" 3<&"$IN" 4>&"$OUT"', "sh", "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", f"--user-data-dir={self._folder.name}", "--remote-debugging-pipe"],
            env={**os.environ, "IN": str(to_browser), "OUT": str(from_browser), "HOME": self._folder.name},
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self._number, self._buffer, self.events = 0, b"", []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = None
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self._call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0,
                   uploadThroughput=0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def _call(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if getattr(self, "_session", None):
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        return answer["result"]

    def _read(self):
        deadline = time.monotonic() + self.TIMEOUT
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self._in, 1 << 20) if ready else b""
            if not data:
                raise BrowserError("the browser does not answer")
            self._buffer += data
        text, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(text)

    def open(self, address):
        """Load a page, without network, and wait until it is there."""
        self.events.clear()
        self._call("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def open_file(self, path, anchor=""):
        """Load a file."""
        self.open(pathlib.Path(path).resolve().as_uri() + anchor)

    def requests(self):
        """The addresses that the page has asked for since it was opened."""
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]

    def complaints(self):
        """What the browser's console says."""
        return [event["params"]["entry"]["text"] for event in self.events if event.get("method") == "Log.entryAdded"]

    def ask(self, expression):
        """The value of a JavaScript expression on the page."""
        result = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise BrowserError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def click(self, selector):
        """Click the first element that the CSS selector finds, with the mouse, where it is."""
        place = self.ask(f"""(() => {{ const e = document.querySelector({json.dumps(selector)});
            e.scrollIntoView({{block: 'center'}}); const r = e.getClientRects()[0];
            return {{x: r.x + Math.min(r.width / 2, 20), y: r.y + r.height / 2}}; }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def print_pdf(self):
        """The page as it prints."""
        return base64.b64decode(self._call("Page.printToPDF")["data"])
