"""Timing of rivals in turn, with the machine's limits measured in between.

Each rival's visit is one call to warm up and then some calls that count, after a sleep in which the last one's idle
threads stop spinning. Before and after it runs a canary, multiply-adds in registers: a visit counts only when the
machine gave its full rate both times. A visit's time is its fastest call; a rival's time is the median of the visits
that count. On a machine that other programs keep busy hardly any may: then it is the fastest visit of all, and the result
unsteady.
"""

import ctypes
import dataclasses
import statistics
import time

SLEEP_SECONDS = 0.020
CANARY_MILLISECONDS = 3
CANARY_SHARE = 0.95  # of the best canary of the run
VISIT_SECONDS = 0.020
FEWEST_VISITS = 5
FEWEST_THAT_TELL = 3  # one or two are chance
SMALL_SPREAD = 0.02  # of the median, between the quartiles


class Machine:
    """The limits, through libfovea_bench_peak."""

    def __init__(self, path, bits=None):
        self._library = ctypes.CDLL(path)
        self._library.fovea_bench_peak.restype = ctypes.c_double
        self._library.fovea_bench_peak.argtypes = [ctypes.c_int32, ctypes.c_int32, ctypes.c_double]
        self._library.fovea_bench_read.restype = ctypes.c_double
        self.bits = bits or self._library.fovea_bench_widest()
        if not self.bits:
            raise SystemExit("attend: this CPU has neither AVX-512 nor AVX2, which the peak is measured with")
        self._best = {}

    def canary(self, threads):
        """GFLOP/s right now."""
        now = self._library.fovea_bench_peak(self.bits, threads, CANARY_MILLISECONDS)
        self._best[threads] = max(now, self._best.get(threads, 0))
        return now

    def peak(self, threads):
        """The best canary so far, in GFLOP/s."""
        if threads not in self._best:
            for _ in range(20):
                self.canary(threads)
        return self._best[threads]

    def read_seconds(self, tensors, threads):
        """Seconds to read all of these tensors once."""
        pointers = (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))
        sizes = (ctypes.c_int64 * len(tensors))(*(tensor.numel() * tensor.element_size() for tensor in tensors))
        return self._library.fovea_bench_read(pointers, sizes, len(tensors), threads)


@dataclasses.dataclass
class Rival:
    """Something to time: a call without arguments, or one that returns seconds it measured itself."""

    name: str
    call: object
    threads: int
    times_itself: bool = False
    calls: list[float] = dataclasses.field(default_factory=list)  # of all visits
    visits: list[float] = dataclasses.field(default_factory=list)  # those that count
    disturbed: list[float] = dataclasses.field(default_factory=list)  # those that do not
    calls_a_visit: int = 0
    visits_wanted: int = 10**9

    def time_once(self):
        if self.times_itself:
            return self.call()
        start = time.perf_counter()
        self.call()
        return time.perf_counter() - start

    def seconds(self):
        if len(self.visits) >= min(FEWEST_THAT_TELL, self.visits_wanted):
            return statistics.median(self.visits)
        return min(self.visits + self.disturbed)

    def spread(self):
        """Between the quartiles of the visits, as a share of the median; 0 for a rival that is too slow to repeat."""
        if len(self.visits) < 4:
            return 0.0 if self.visits_wanted < 4 else 1.0
        low, _, high = statistics.quantiles(self.visits, n=4)
        return (high - low) / self.seconds()

    def is_settled(self, fewest):
        if len(self.visits) >= self.visits_wanted:
            return True
        return len(self.visits) >= fewest and self.spread() <= SMALL_SPREAD


def _prepare(rival):
    """Sizes the visits by the second call: the first one faults pages in and starts threads."""
    first = rival.time_once()
    second = rival.time_once() if first < 1 else first
    rival.calls_a_visit = max(1, min(1000, round(VISIT_SECONDS / second)))
    if second > 0.5:
        rival.visits_wanted = max(1, round(3 / second))


def _visit(rival, machine):
    time.sleep(SLEEP_SECONDS)
    before = machine.canary(rival.threads)
    if rival.visits_wanted > FEWEST_VISITS:
        rival.time_once()
    calls = [rival.time_once() for _ in range(rival.calls_a_visit)]
    after = machine.canary(rival.threads)
    rival.calls += calls
    counts = min(before, after) >= CANARY_SHARE * machine.peak(rival.threads)
    (rival.visits if counts else rival.disturbed).append(min(calls))


def measure(rivals, machine, seconds):
    """Times the rivals in turn until each one's spread is small or the time is over. Returns whether all settled."""
    for rival in rivals:
        _prepare(rival)
        machine.peak(rival.threads)
    end = time.perf_counter() + seconds
    while not all(rival.is_settled(FEWEST_VISITS) for rival in rivals):
        if time.perf_counter() > end and all(rival.calls for rival in rivals):
            return False
        # All of them, so that each keeps its neighbours; but not those that are slow and have had their turns.
        for rival in rivals:
            if rival.visits_wanted > FEWEST_VISITS or not rival.is_settled(FEWEST_VISITS):
                _visit(rival, machine)
    return True
