"""Which rows every report looks at separately: declared slices and sensitive groups.

Belongs here: turning the use case's words into row masks. Does not belong here: how a sensitive
column is cut into groups (``representation/groups.py``), or what is measured on them
(``metrics.py``).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlops_assets.data.cleaning.conditions import matching_rows
from mlops_assets.data.representation.groups import sensitive_groups
from mlops_assets.use_case import UseCase

Mask = NDArray[np.bool_]


def row_groups(rows: pd.DataFrame, use_case: UseCase) -> dict[str, Mask]:
    """Masks ``[n]`` by group name: every slice, and every group of each sensitive column: its
    ``representation.bands`` where they are declared, else its values (four ranges where a number
    has more than twenty), and the rows that do not say."""
    groups = {
        f"slice: {declared.name}": matching_rows(rows, declared.where, f"slices {declared.name!r}")
        for declared in use_case.slices
    }
    for grouping in sensitive_groups(rows, use_case):
        for place, name in enumerate(grouping.names):
            groups[name] = grouping.codes == place
    return groups
