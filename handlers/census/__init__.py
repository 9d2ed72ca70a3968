"""A census of the standard library: one message for each of its files, one report at the end.

    census ──▶ counter ──▶ reader      a message a file, several read at a time
                      └──▶ progress    how far it has come, for whoever watches

`census` turns the counter's report into a table; whoever wants the numbers asks the counter.
"""
