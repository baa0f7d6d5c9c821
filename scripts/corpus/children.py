"""Child processes that answer JSON lines, with a time limit, and what they write to standard error."""

import json
import selectors
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import IO, Any, Self


class ChildDied(Exception):
    """The child ended instead of answering. `how`: its signal or exit code, or that its time was up."""

    def __init__(self, how: str, stderr: str) -> None:
        super().__init__(how)
        self.how = how
        self.stderr = stderr


@dataclass
class Child:
    """A process started on first use, and again after it died."""

    command: list[str]
    timeout_seconds: float
    environment: dict[str, str] | None = None
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _stderr: IO[bytes] | None = field(default=None, init=False)

    def ask(self, question: dict[str, Any]) -> tuple[dict[str, Any], str]:
        """The answer, and what was written to standard error meanwhile.

        Raises:
            ChildDied: it ended, or did not answer in time and was killed.
        """
        process = self._running()
        if process.stdin is None or process.stdout is None or self._stderr is None:
            raise AssertionError("started with pipes")
        self._stderr.seek(0)
        self._stderr.truncate()
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            self._fail(process, timed_out=False)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(self.timeout_seconds):
                self._fail(process, timed_out=True)
        line = process.stdout.readline()
        if not line.endswith(b"\n"):
            self._fail(process, timed_out=False)
        answer: dict[str, Any] = json.loads(line)
        return answer, self._written()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process runs
            self._process = subprocess.Popen(  # noqa: S603 - the commands are ours
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=self.environment,
            )
        return self._process

    def _fail(self, process: "subprocess.Popen[bytes]", *, timed_out: bool) -> None:
        if timed_out:
            process.kill()
        code = process.wait()
        written = self._written()
        self.close()
        how = f"no answer within {self.timeout_seconds:.0f} s" if timed_out else f"ended with {code}"
        raise ChildDied(how, written)

    def _written(self) -> str:
        if self._stderr is None:
            return ""
        self._stderr.seek(0)
        return str(self._stderr.read(20_000).decode(errors="replace"))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
