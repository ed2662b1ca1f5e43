"""What the operating system says about the network, in one line."""

import os
import re
import socket
import ssl


def network_reason(error: OSError | UnicodeError) -> str:
    """Why an address cannot be had or reached, in the system's words: asyncio's own text says the address again."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if not isinstance(error, OSError) or isinstance(error, socket.gaierror | ssl.SSLError):
        return text
    # Where a name has several addresses, and each fails in its own way, only the text has the numbers.
    numbers = [error.errno] if error.errno else map(int, re.findall(r"\[Errno (\d+)\]", text))
    return ", ".join(dict.fromkeys(os.strerror(number).lower() for number in numbers)) or text
