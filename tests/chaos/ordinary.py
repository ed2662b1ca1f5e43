"""A program for which permissions hold, also where the tests run as root."""

import os

CAPABILITIES = "-dac_override,-dac_read_search"
"""What lets root pass by permissions (capabilities(7))."""
ordinary = (
    ("setpriv", f"--bounding-set={CAPABILITIES}", f"--inh-caps={CAPABILITIES}", "--") if os.geteuid() == 0 else ()
)
"""What its command begins with."""
