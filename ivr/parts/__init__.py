"""Puts the parts of the service together from the settings, one file a part; `ivr.app` starts and stops them."""
