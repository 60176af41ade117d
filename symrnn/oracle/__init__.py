"""Numbers by another road: a reference evaluator, a simulator and derivatives without any symbolic rule.

Nothing here knows the calculus or the emitters, so it cannot inherit their mistakes.
"""
