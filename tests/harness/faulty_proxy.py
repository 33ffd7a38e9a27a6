"""A TCP proxy on a loopback port that can go wrong: what lies behind it sees a network that holds, cuts or slows."""
import contextlib
import select
import socket
import threading
import time


class FaultyProxy:
    """Forwards to 127.0.0.1:`target` until told otherwise.

    pass_on()  forwards (the beginning, and again after the others)
    hold()     a black hole: connections stay open and new ones are taken, but no byte passes either way
    mute()     half of one: what is said to the target arrives, and no answer comes
    refuse()   cuts what is open with a reset and resets whoever comes
    delay      seconds that each piece waits, either way
    cut_after  asked for each new connection: after how many bytes, both ways together, it is reset, be it amid a word;
               None: never
    """

    def __init__(self, target, delay=0.0):
        self.target = target
        self.delay = delay
        self.cut_after = None
        self._mode = "pass"
        self._changed = threading.Condition()
        self._pairs = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def pass_on(self):
        self._set("pass")

    def hold(self):
        self._set("hold")

    def mute(self):
        self._set("mute")

    def refuse(self):
        self._set("refuse")
        self.cut()

    def cut(self):
        """Resets what is open now; who comes anew is served as the mode says."""
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
                else:  # what it had said before it closed arrives all the same
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
