"""Which class plays which kind of schedule.KINDS."""
from faults import Clock, FailingCalls, Freeze, FullDisk, Kill, Restart
from network_faults import BlackHole, CutBytes, Latency, Reset
from store_faults import Deadlocks, EndSessions, Lock

ALL = {"kill": Kill, "outage": Kill, "freeze": Freeze, "long-freeze": Freeze, "restart": Restart, "black-hole": BlackHole,
       "latency": Latency, "reset": Reset, "cut-bytes": CutBytes, "full-disk": FullDisk, "failing-calls": FailingCalls,
       "clock": Clock, "end-sessions": EndSessions, "lock": Lock, "deadlocks": Deadlocks}
