"""An HTTP server for tests, on a loopback port. It calls a function for each request."""
import http.server
import ssl
import threading


class LoopbackHttp:
    """Serves HTTP/1.1 on `port` of 127.0.0.1 (0: a free one), each connection in a thread of its own, until close().

    port, authority   where it listens; the authority is "127.0.0.1:PORT"
    url               with the scheme https if `identity`, (certificate, key), is given
    """

    def __init__(self, port=0, identity=None, **handlers):
        """`handlers`: the function for each method, for example POST=handle. Its argument is the BaseHTTPRequestHandler."""
        members = {f"do_{method}": handle_by(handle) for method, handle in handlers.items()}
        members |= {"protocol_version": "HTTP/1.1", "log_message": lambda *_: None}
        handler = type("Handler", (http.server.BaseHTTPRequestHandler,), members)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that resets its connection
        if identity is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*identity)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.authority = f"127.0.0.1:{self.port}"
        self.url = f"http{'s' if identity else ''}://{self.authority}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self):
        """Accepts no further connection, and frees the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def handle_by(handle):
    """Returns a method of a request handler that calls `handle`, which may be bound to another object."""
    return lambda request: handle(request)
