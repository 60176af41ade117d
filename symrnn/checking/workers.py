"""Answers of strangers, each worked on by a process with limits: a hostile one is stopped and hurts no other.

A worker is a Python process that reads one JSON object a line and writes one a line; nothing else passes between the
two, and nothing of an answer is ever executed.  A worker that takes too long, too much memory or dies is replaced, and
its answer is marked.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

if sys.platform != "win32":
    import resource

START_SECONDS = 60.0
"""How long a worker may take to get ready."""

LONGEST_REPLY = 4_000_000
STOPPED = "stopped"


@dataclass(frozen=True)
class Limits:
    """What one answer may take."""

    seconds: float = 20.0
    megabytes: int = 1_500


@dataclass(frozen=True)
class Job:
    """One answer: its place in the order of results, and what the worker is told."""

    place: int
    message: Mapping[str, Any]


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    job: Job | None = None
    deadline: float = 0.0
    received: bytearray = field(default_factory=bytearray)


class WorkersError(RuntimeError):
    """No worker could be started; ``args`` says why."""


def work(
    module: str,
    setup: Mapping[str, Any],
    messages: Sequence[Mapping[str, Any]],
    count: int,
    limits: Limits,
    done: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """The replies to all messages, in their order, whoever worked on them.

    ``module`` is run with ``python -m``; its first line of input is ``setup``.  A reply for an answer that had to be
    stopped is ``{"stopped": why}``.
    """
    pool = _Pool(module, setup, limits)
    results: list[dict[str, Any] | None] = [None] * len(messages)
    waiting = iter([Job(place, message) for place, message in enumerate(messages)])
    try:
        for _ in range(max(1, min(count, len(messages)))):
            pool.start(next(waiting, None))
        for job, reply, worker in pool.replies():
            results[job.place] = reply
            done()
            pool.give(worker, next(waiting, None))
    finally:
        pool.close()
    return [reply or {STOPPED: "it was never worked on"} for reply in results]


class _Pool:
    def __init__(self, module: str, setup: Mapping[str, Any], limits: Limits) -> None:
        self.module, self.setup, self.limits = module, setup, limits
        self.selector = selectors.DefaultSelector()
        self.workers: list[_Worker] = []

    def start(self, job: Job | None) -> None:
        """A new worker, with its first job."""
        if job is None:
            return
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        worker = _Worker(process)
        self.workers.append(worker)
        assert process.stdout is not None
        self.selector.register(process.stdout, selectors.EVENT_READ, worker)
        self._send(worker, {**self.setup, "megabytes": self.limits.megabytes})
        worker.deadline = monotonic() + START_SECONDS
        ready = self._wait_ready(worker)
        if ready is not None:
            self._retire(worker)
            raise WorkersError(ready)
        self.give(worker, job)

    def _wait_ready(self, worker: _Worker) -> str | None:
        """None as soon as a worker says that it is ready; else why it isn't."""
        assert worker.process.stdout is not None
        while b"\n" not in worker.received:
            chunk = _read(worker, worker.deadline)
            if chunk is None:
                return "a worker could not be started"
            worker.received += chunk
        line, _, rest = bytes(worker.received).partition(b"\n")
        worker.received = bytearray(rest)
        reply = json.loads(line)
        return None if reply.get("ready") else str(reply.get("error", "a worker could not be started"))

    def give(self, worker: _Worker, job: Job | None) -> None:
        """The next job, to this worker or, where it is gone, to a new one."""
        if job is None:
            if worker in self.workers:
                self._retire(worker)
            return
        if worker not in self.workers:
            self.start(job)
            return
        worker.job, worker.deadline = job, monotonic() + self.limits.seconds
        self._send(worker, job.message)

    def replies(self) -> Iterator[tuple[Job, dict[str, Any], _Worker]]:
        """Replies as they come, until nobody has a job."""
        while any(worker.job is not None for worker in self.workers):
            busy = [w for w in self.workers if w.job is not None]
            ready = self.selector.select(max(0.0, min(w.deadline for w in busy) - monotonic()))
            for key, _ in ready:
                reply = self._received(key.data)
                if reply is not None and key.data.job is not None:
                    job, key.data.job = key.data.job, None
                    yield job, reply, key.data
            for worker in [w for w in self.workers if w.job is not None and monotonic() > w.deadline]:
                self._retire(worker)
                late, worker.job = worker.job, None
                if late is not None:
                    yield late, {STOPPED: f"it took more than {self.limits.seconds:g} seconds"}, worker

    def _received(self, worker: _Worker) -> dict[str, Any] | None:
        assert worker.process.stdout is not None
        chunk = os.read(worker.process.stdout.fileno(), 1 << 16)
        worker.received += chunk
        if not chunk or len(worker.received) > LONGEST_REPLY:
            self._retire(worker)
            return {STOPPED: "it took too much memory, or ended its process"}
        if b"\n" not in worker.received:
            return None
        line, _, rest = bytes(worker.received).partition(b"\n")
        worker.received = bytearray(rest)
        try:
            reply = json.loads(line)
        except ValueError:
            return {STOPPED: "its process gave no readable result"}
        return reply if isinstance(reply, dict) else {STOPPED: "its process gave no readable result"}

    def _send(self, worker: _Worker, message: Mapping[str, Any]) -> None:
        assert worker.process.stdin is not None
        with suppress(OSError):  # a worker that is gone shows when its reply is read
            worker.process.stdin.write(json.dumps(message).encode() + b"\n")
            worker.process.stdin.flush()

    def _retire(self, worker: _Worker) -> None:
        self.workers.remove(worker)
        assert worker.process.stdout is not None
        assert worker.process.stdin is not None
        self.selector.unregister(worker.process.stdout)
        worker.process.kill()
        with suppress(OSError):
            worker.process.stdin.close()
        worker.process.stdout.close()
        worker.process.wait()

    def close(self) -> None:
        """End every worker."""
        for worker in list(self.workers):
            self._retire(worker)
        self.selector.close()


def _read(worker: _Worker, deadline: float) -> bytes | None:
    """What a worker writes next; None where it ends or takes too long."""
    assert worker.process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(worker.process.stdout, selectors.EVENT_READ)
        if not selector.select(max(0.0, deadline - monotonic())):
            return None
    return os.read(worker.process.stdout.fileno(), 1 << 16) or None


def serve(begin: Callable[[dict[str, Any]], Callable[[dict[str, Any]], dict[str, Any]]]) -> int:
    """The worker's side: ``begin`` makes from the setup what answers messages.

    Standard output carries replies alone: whatever else is printed goes to standard error.
    """
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines = iter(sys.stdin.readline, "")

    def reply(message: Mapping[str, Any]) -> None:
        replies.write(json.dumps(message) + "\n")
        replies.flush()

    setup = json.loads(next(lines))
    try:
        handle = begin(setup)
    except Exception as problem:  # the parent tells its user
        reply({"ready": False, "error": str(problem)})
        return 1
    limit_memory(int(setup["megabytes"]))
    reply({"ready": True})
    for line in lines:
        try:
            answer = handle(json.loads(line))
        except MemoryError:
            answer = {STOPPED: "it took too much memory"}
        except RecursionError:
            answer = {STOPPED: "it is nested too deeply"}
        reply(answer)
    return 0


def limit_memory(megabytes: int) -> None:
    """Bound this process's memory, where the system can."""
    if sys.platform == "win32":
        return
    size = megabytes * 1024 * 1024
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
