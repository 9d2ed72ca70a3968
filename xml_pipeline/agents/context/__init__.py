"""How much of what was said a model is shown: the strategies, and what they are made of.

The rules of this package: a call and its result are shown together or not at all, the sides take
turns, the first message (the task) is always there, and what is shown of old results, and asked of
a summarizer, keeps to its limit.
"""
