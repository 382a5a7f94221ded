"""The Faust app: which agent reads which topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.lean import without

with without("yaml"):
    # For a codec of Faust's: our agents are given bytes.
    import faust.serializers.codecs
    from faust.tables import TableManager

from schemas.names import CONTROL, DEFINITIONS, EVENT_TOPICS, GUARD, WORKER_GROUP, command_topic
from streams import guards
from streams.control import control
from streams.definitions import guard
from streams.executors import Executor
from streams.transport import BatchTransport
from streams.triggers import trigger

if TYPE_CHECKING:
    from actions.action import Action
    from runtime.settings import Settings
    from streams.parts import Parts

GROUP = WORKER_GROUP


class _Boot(faust.App.BootStrategy):  # type: ignore[misc]  # its base has no types
    """What Faust starts: not its producer, for our publisher sends everything, over connections secured as it knows."""

    enable_kafka_producer = False


class _Tables(TableManager):  # type: ignore[misc]  # its base has no types
    """Faust's own gives agents a second to make tables, in which no partition is asked for; there are none to make."""

    async def on_start(self) -> None:
        """Begin at once."""
        await self._update_channels()
        await self.recovery.start()


class App(faust.App):  # type: ignore[misc]  # its base has no types
    """A Faust app on the batch transport."""

    BootStrategy = _Boot
    worker_parts: Parts

    def _create_directories(self) -> None:
        """Faust would make folders for its tables' stores in the working directory; there are none."""

    def _new_transport(self) -> Any:
        return BatchTransport(self.conf.broker_consumer, self)


def build(settings: Settings, parts: Parts, actions: dict[str, Action]) -> App:
    """The app with all its agents, ready to be started."""
    app = App(
        GROUP,
        broker=[f"kafka://{one}" for one in settings.brokers],
        store="memory://",
        web_enabled=False,
        TableManager=_Tables,
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=parts.partitions,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        stream_buffer_maxsize=4096,
        broker_commit_interval=settings.commit_interval,
        broker_session_timeout=settings.session_timeout,
        worker_redirect_stdouts=False,
        debug=False,
    )
    app.worker_parts = parts
    _agent(app, "definitions", [DEFINITIONS], lambda batches: guard(parts, batches))
    _agent(app, "triggers", list(EVENT_TOPICS.values()), lambda batches: trigger(parts, batches))
    _agent(app, "control", [CONTROL], lambda batches: control(parts, batches))
    _agent(app, "guards", [GUARD], lambda batches: guards.agent(parts, batches))
    _agent(app, "timers", [command_topic("delay")], parts.timers.run)
    for name, action in actions.items():
        executor = parts.executors[name] = Executor(parts, action)
        _agent(app, f"executor-{name}", [command_topic(name)], executor.run)
    return app


def _agent(app: App, name: str, topics: list[str], handle: Any) -> None:
    async def run(stream: Any) -> None:
        # Acks are given by the handlers, when what came of a batch is acknowledged by the broker.
        await handle(stream.noack().events())

    run.__name__ = name
    app.agent(app.topic(*topics, key_serializer="raw", value_serializer="raw"), name=name)(run)
