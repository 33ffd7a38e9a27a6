"""Maps each kind of schedule.KINDS to the class that injects it."""

from tests.chaos.faults import Clock, ClockByDays, FailingCalls, Freeze, FullDisk, Hostile, Kill, Restart
from tests.chaos.file_faults import LostFiles
from tests.chaos.network_faults import BlackHole, CutBytes, Latency, Reset
from tests.chaos.store_faults import Deadlocks, EndSessions, Lock

ALL = {"kill": Kill, "outage": Kill, "restart": Restart, "freeze": Freeze, "long-freeze": Freeze,
       "black-hole": BlackHole, "latency": Latency, "reset": Reset, "cut-bytes": CutBytes,
       "full-disk": FullDisk, "failing-calls": FailingCalls, "clock": Clock,
       "clock-days": ClockByDays, "lost-files": LostFiles, "hostile": Hostile,
       "end-sessions": EndSessions, "lock": Lock, "deadlocks": Deadlocks}
