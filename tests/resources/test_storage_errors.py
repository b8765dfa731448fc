"""What is said where storage fails holds nothing of a driver's own words."""

import traceback

import pytest

from resources.sources.base import SourceError
from resources.sources.storage_errors import explained


@pytest.mark.parametrize("error", [RuntimeError, PermissionError, FileNotFoundError, TimeoutError])
def test_no_log_shows_what_a_driver_says(error: type[Exception]) -> None:
    with pytest.raises(SourceError) as raised, explained("s3://bucket/flights"):
        raise error("https://bucket.example.org/flights?Signature=s3cret")

    assert "s3cret" not in "".join(traceback.format_exception(raised.value))
