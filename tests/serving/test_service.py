"""What runs beside the application goes on, whatever goes wrong once."""

import asyncio
from pathlib import Path

import pytest
from served_bundles import add_release, promote

from mlops_assets.serving import service as service_module
from mlops_assets.serving.service import ServingService
from mlops_assets.serving.settings import parse_settings


def test_trouble_while_looking_around_is_alerted_and_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "POLL_SECONDS", 0.001)
    first, second = add_release(tmp_path), add_release(tmp_path, scale=2.0)
    promote(tmp_path, first)

    async def go() -> None:
        service = ServingService(parse_settings([str(tmp_path), "--no-log"]))
        await service.start()
        look, calls = service.watcher.look, 0

        async def fail_first() -> None:
            nonlocal calls
            calls += 1
            if calls < 3:
                raise RuntimeError("with a value that nobody should read")
            await look()

        for task in service._tasks:
            task.cancel()
        keeping = asyncio.create_task(service._keep_at(fail_first, 0.001))
        promote(tmp_path, second)
        while service.release != second:
            await asyncio.sleep(0.001)
        keeping.cancel()
        [alert] = service.alerts.recent()
        assert (alert["kind"], alert["times"]) == ("housekeeping", 2)
        assert "value" not in alert["text"]
        await service.stop()

    asyncio.run(go())


def test_what_serves_is_told(tmp_path: Path) -> None:
    release = add_release(tmp_path)
    promote(tmp_path, release)

    async def go() -> None:
        service = ServingService(parse_settings([str(tmp_path), "--log", str(tmp_path / "kept")]))
        await service.start()
        said = service.status()
        assert (said["champion"], said["traffic"], said["alerts"]) == (release, None, [])
        assert said["log"]["state"] == "writing"
        text = service.metrics.render().decode()
        assert "mlops_serving_ready 1.0" in text
        assert "mlops_serving_prediction_log_writing 1.0" in text
        await service.stop()

    asyncio.run(go())
