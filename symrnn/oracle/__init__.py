"""Numbers by another road: a reference evaluator, a simulator and derivatives without any symbolic rule.

Nothing here knows the calculus or the emitters, so it cannot inherit their mistakes.
"""

from symrnn.oracle.compare import Rung, first_wrong, ladder, relative_error
from symrnn.oracle.data import instance_from_values
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.exact import ExactEvaluator, Numbers
from symrnn.oracle.instance import Instance
from symrnn.oracle.sizes import choose_sizes

__all__ = [
    "Evaluator",
    "ExactEvaluator",
    "Instance",
    "Numbers",
    "Rung",
    "choose_sizes",
    "first_wrong",
    "instance_from_values",
    "ladder",
    "random_instance",
    "relative_error",
]
