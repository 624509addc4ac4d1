"""The public names, for type checkers and editors; `__init__.py` loads them when they are used."""

from danlu.analysis.importance import importance as importance
from danlu.core.history import History as History
from danlu.core.objective import Objective as Objective
from danlu.core.resources import Resources as Resources
from danlu.core.stopping import Cost as Cost
from danlu.core.stopping import Plateau as Plateau
from danlu.core.stopping import Target as Target
from danlu.core.trial import Decision as Decision
from danlu.core.trial import Status as Status
from danlu.core.trial import Trial as Trial
from danlu.drafts.parser import space_of_parser as space_of_parser
from danlu.errors import DanluError as DanluError
from danlu.loop import Interrupted as Interrupted
from danlu.programs.channel import report as report
from danlu.programs.program import Program as Program
from danlu.space.belief import Likely as Likely
from danlu.space.choice import Choice as Choice
from danlu.space.numeric import Float as Float
from danlu.space.numeric import Int as Int
from danlu.space.space import Config as Config
from danlu.space.space import Space as Space
from danlu.study import Study as Study
from danlu.tuning import open_study as open_study
from danlu.tuning import tune as tune

__version__: str
__all__: list[str]
