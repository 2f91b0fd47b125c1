"""The lab: live training in the browser, as a Jupyter widget and on the pages of the book (README.md).

Book: chapter "The lab".
"""

from linrep_core.lab.run import read_run
from linrep_core.lab.widget import TrainingLab

__all__ = ["TrainingLab", "read_run"]
