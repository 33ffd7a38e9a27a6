"""A TCP proxy on a loopback port that simulates network faults: silence, resets and delays."""
import contextlib
import select
import socket
import threading
import time


class FaultyProxy:
    """Forwards connections to 127.0.0.1:`target`. Any thread.

    forward()  forwards data (the initial mode)
    hold()     a black hole: open connections stay open and new ones are accepted, but no data passes in either direction
    mute()     data reaches the target, but no answer passes
    refuse()   resets all open and all new connections
    delay      seconds that each piece of data is delayed, in both directions
    cut_after  a function that is called for each new connection; it returns after how many bytes, both directions
               together, the connection is reset. None: never
    """

    def __init__(self, target, delay=0.0):
        self.target = target
        self.delay = delay
        self.cut_after = None
        self._mode = "forward"
        self._changed = threading.Condition()
        self._pairs = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def forward(self):
        self._set("forward")

    def hold(self):
        self._set("hold")

    def mute(self):
        self._set("mute")

    def refuse(self):
        self._set("refuse")
        self.cut()

    def cut(self):
        """Resets the open connections. New ones are treated as the mode says."""
        for pair in list(self._pairs):
            self._reset(pair)

    def close(self):
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.refuse()

    def _set(self, mode):
        with self._changed:
            self._mode = mode
            self._changed.notify_all()

    def _accept(self):
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        if self._mode == "refuse":
            return self._reset((near,))
        self._wait_until_open("hold")
        try:
            far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
        except OSError:
            return self._reset((near,))
        for end in (near, far):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (near, far)
        self._pairs.add(pair)
        with contextlib.suppress(OSError, ValueError):
            self._pump(near, far)
        self._reset(pair)

    def _pump(self, near, far):
        left = self.cut_after() if self.cut_after else 1 << 62
        speaking = {near: far, far: near}
        while left and speaking:
            for ready in select.select(list(speaking), [], [])[0]:
                piece = ready.recv(min(left, 1 << 16))
                left -= len(piece)
                if self.delay:
                    time.sleep(self.delay)
                self._wait_until_open("hold", "mute") if ready is far else self._wait_until_open("hold")
                if piece:
                    speaking[ready].sendall(piece)
                else:  # a half-close: data in the other direction still passes
                    speaking.pop(ready).shutdown(socket.SHUT_WR)

    def _wait_until_open(self, *shut):
        with self._changed:
            self._changed.wait_for(lambda: self._mode not in shut)

    def _reset(self, pair):
        self._pairs.discard(pair)
        for end in pair:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                end.shutdown(socket.SHUT_RDWR)
            end.close()
