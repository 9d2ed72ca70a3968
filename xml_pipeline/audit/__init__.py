"""Who did what to the organism: a log that is only added to, each entry sealing the one before.

An entry is written before what it tells of takes effect; what cannot be written does not.
"""
