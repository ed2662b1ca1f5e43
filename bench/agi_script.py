"""A survey as an AGI script: Asterisk starts it for each call, and speaks to it over its standard input and output.

python bench/agi_script.py FILE     # an SQLite file with the table that `TABLE` creates
"""

import sqlite3
import sys

TABLE = "CREATE TABLE IF NOT EXISTS rating (uniqueid TEXT PRIMARY KEY, agent TEXT, value INTEGER)"


def command(line: str) -> str:
    """Carry out one command."""
    print(line, flush=True)
    return sys.stdin.readline().partition("result=")[2].strip()


def main() -> None:
    """Ask, and store the rating before the caller is thanked."""
    header: dict[str, str] = {}
    while line := sys.stdin.readline().strip():
        name, _, value = line.partition(": ")
        header[name] = value
    agent = command("GET VARIABLE MEMBERINTERFACE")
    command("CHANNEL STATUS")
    command('STREAM FILE "postcall/en/csat-welcome" "0123456789*#ABCD"')
    key = command('GET DATA "postcall/en/csat-satisfaction-ask" 5000 1')
    database = sqlite3.connect(sys.argv[1], timeout=10)
    database.execute("PRAGMA synchronous = FULL")
    with database:
        database.execute("INSERT INTO rating VALUES (?, ?, ?)", (header["agi_uniqueid"], agent, int(key)))
    command(f'STREAM FILE "postcall/en/csat-satisfaction-confirm-{key}" ""')
    command('STREAM FILE "postcall/en/csat-thanks" ""')


if __name__ == "__main__":
    main()
