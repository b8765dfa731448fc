"""What Dagster loads: every use case under ``defs/``, and the alert on failed runs."""

from pathlib import Path

import dagster as dg

from sensors.failures import build_failure_sensor


@dg.definitions
def defs() -> dg.Definitions:
    use_cases = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(use_cases, dg.Definitions(sensors=[build_failure_sensor()]))
