"""The stock player: a demand model of its own and the look-ahead order, week by week or day by day (chapter 08).

- `WeeklyHistory`: What is known at the end of a week.
- `WeeklyDemandConfig`: Settings of the demand model.
- `WeeklyPlanner`: Orders of all products, week by week.
- `PlayerPolicy`: The planner as a policy of the simulator, for weekly and daily panels.
- `PastSales`: Sales of a shop up to the end of what is known, and where they say something about demand.
"""

from salesforecast_lib.decisions.inventory.player.demand import WeeklyDemandConfig, WeeklyHistory
from salesforecast_lib.decisions.inventory.player.orders import WeeklyPlanner
from salesforecast_lib.decisions.inventory.player.policy import PastSales, PlayerPolicy

__all__ = ["WeeklyHistory", "WeeklyDemandConfig", "WeeklyPlanner", "PlayerPolicy", "PastSales"]
