"""Trying a flow without a PBX: the telephones of paper and glass, and the survey that is kept and never counted."""
