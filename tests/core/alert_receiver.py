"""A web server on loopback that takes Apprise's JSON messages, refuses them, or ends the process that sends them."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What was received, oldest first. refuses: answer with an error. on_message: called before the answer."""

    port: int = 0
    messages: list[dict[str, str]] = field(default_factory=list)
    refuses: bool = False
    on_message: Callable[[], object] = lambda: None

    @property
    def url(self) -> str:
        return f"json://user:secret-of-the-office@127.0.0.1:{self.port}/"

    def taken(self) -> list[tuple[str, str]]:
        """Kind and text of each message; forgets them."""
        found = [(message["type"], message["message"]) for message in self.messages]
        self.messages.clear()
        return found


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not receiver.refuses:
                receiver.messages.append(message)
            receiver.on_message()
            self.send_response(503 if receiver.refuses else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
