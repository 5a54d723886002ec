"""`ledger demo`: a running ledger to try, with Bolton's catalogues and made-up people."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
import rich_click as click

from api.cli_service import config_option, configured, json_option
from api.demo import Demo, free_port, load, printed
from api.output import errors
from api.runtime import Places, Runtime, places, prepare
from api.serving import serve, stopped_by_a_signal
from api.settings import Settings
from api.trust import check_local


@click.command("demo")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Where it keeps its data."
)
@click.option("--port", type=click.IntRange(0, 65535), help="8080 or the next free one if none.")
@config_option
@json_option
def demo_command(data: Path | None, port: int | None, config: Path | None, as_json: bool) -> None:
    """Serve a ledger to try, on loopback, with everything in it made up."""
    settings = configured(config)
    check_local(settings)
    if data is not None:
        settings = msgspec.structs.replace(settings, data_dir=str(data.absolute()))
    wanted = settings.port if port is None else port
    chosen = free_port(settings.host, wanted, exact=port is not None)
    metrics = settings.metrics_port and free_port(
        settings.metrics_host, settings.metrics_port if wanted else 0, exact=False
    )
    # Nobody looks elsewhere first: it ends when it is told to.
    settings = msgspec.structs.replace(settings, port=chosen, metrics_port=metrics, drain_seconds=0)
    with stopped_by_a_signal(), places(settings) as where:
        if where.warning:
            errors.print(where.warning, markup=False)
        prepare(where, settings)
        demo = asyncio.run(load(where, settings))

        def ready(_: Runtime) -> None:
            _say(demo, where, settings, as_json=as_json)

        serve(where, settings, ready=ready, demo=True)


def _say(demo: Demo, where: Places, settings: Settings, *, as_json: bool) -> None:
    """Written plainly and at once: a line is never wrapped, and a program may wait for it."""
    lines = list(printed(demo, where, settings))
    if as_json:
        url = f"http://{settings.host}:{settings.port}"
        lines = [msgspec.json.encode({"url": url, **msgspec.structs.asdict(demo)}).decode()]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


COMMANDS = (demo_command,)
