"""Incremental fetch sessions (KIP-227) for an aiokafka consumer: a fetch costs by what moves, not by what is assigned.

A worker reads 17 topics of 12 partitions. Without sessions each fetch names all 204 of them and each answer lists them
all, which aiokafka encodes and decodes in Python: over a millisecond a hop, most of it for partitions where nothing
happened. In a session the broker remembers the partitions and their offsets; a request tells only what has changed
since the last, and an answer holds only partitions that have something to say.

aiokafka 0.14 knows the messages (Fetch v7 to v11) but always asks for no session. This wraps the client's `send`:
requests other than fetches pass unchanged. A broker without sessions (it answers with session id 0) is asked as ever.

What a session must survive: any failure or cancellation leaves unknown what the broker saw, so a new session is begun;
and the broker may evict a session at any time, which it says with an error that is answered by a whole fetch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiokafka.client import ConnectionGroup
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.fetch import FetchRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiokafka import AIOKafkaConsumer

_FIRST_VERSION: Final = 7
_SESSION_LOST: Final = frozenset({70, 71})
"""FETCH_SESSION_ID_NOT_FOUND and INVALID_FETCH_SESSION_EPOCH."""
_LAST_EPOCH: Final = 2**31 - 1

Place = tuple[str, int]
Wanted = dict[Place, tuple[int, int]]
"""By topic and partition: the offset to read from, and how many bytes at most."""


def use_fetch_sessions(consumer: AIOKafkaConsumer) -> None:
    """Have this consumer fetch in sessions, one with each broker. To be called before it is started."""
    client = consumer._client
    plain = client.send
    sessions: dict[int, FetchSession] = {}

    async def send(node_id: int, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
        if type(request) is not FetchRequest:
            return await plain(node_id, request, group=group)
        session = sessions.setdefault(node_id, FetchSession())
        return await session.fetch(request, lambda sessioned: plain(node_id, sessioned, group=group))

    client.send = send


class FetchSession:
    """What one broker remembers of our fetches."""

    def __init__(self) -> None:
        self._id = 0
        self._epoch = 0
        self._known: Wanted = {}

    async def fetch(self, whole: FetchRequest, send: Callable[[Any], Awaitable[Any]]) -> Any:
        """The answer to this fetch, which then lists only the partitions with news.

        Raises what `send` raises, and the KafkaError that the broker answers with.
        """
        wanted = _wanted(whole)
        for last_try in (False, True):
            request = SessionRequest(whole, wanted, self._id, self._epoch, self._known)
            try:
                answer = await send(request)
            except BaseException:
                self._begin_anew()
                raise
            if not request.in_session:
                return answer
            if answer.error_code == 0:
                self._go_on(answer.session_id, wanted)
                return answer
            self._begin_anew()
            if last_try or answer.error_code not in _SESSION_LOST:
                error: KafkaError = for_code(answer.error_code)()
                raise error
        return None

    def _begin_anew(self) -> None:
        self._id, self._epoch, self._known = 0, 0, {}

    def _go_on(self, session_id: int, wanted: Wanted) -> None:
        if session_id == 0:
            self._begin_anew()
            return
        self._id = session_id
        self._epoch = 1 if self._epoch == _LAST_EPOCH else self._epoch + 1
        self._known = wanted


class SessionRequest(FetchRequest):  # type: ignore[misc]  # aiokafka has no types
    """A fetch as the next of a session: only what differs from what the broker knows.

    `in_session` says, once it was built, whether the broker speaks a version that has sessions.
    """

    def __init__(self, whole: FetchRequest, wanted: Wanted, session_id: int, epoch: int, known: Wanted) -> None:
        super().__init__(
            whole._max_wait_ms,
            whole._min_bytes,
            whole._max_bytes,
            whole._isolation_level,
            whole.topics,
            whole._rack_id,
        )
        self._wanted, self._known = wanted, known
        self._session_id, self._epoch = session_id, epoch
        self.in_session = False

    def build(self, request_struct_class: Any) -> Any:
        """The message in the version that the broker speaks."""
        if request_struct_class.API_VERSION < _FIRST_VERSION:
            return super().build(request_struct_class)
        self.in_session = True
        if self._session_id:
            known = self._known
            self._topics = _by_topic({at: to for at, to in self._wanted.items() if known.get(at) != to})
        built = super().build(request_struct_class)
        built.session_id, built.session_epoch = self._session_id, self._epoch
        forgotten: dict[str, list[int]] = {}
        for topic, partition in self._known.keys() - self._wanted.keys():
            forgotten.setdefault(topic, []).append(partition)
        built.forgotten_topics_data = list(forgotten.items())
        return built


def _wanted(whole: FetchRequest) -> Wanted:
    return {
        (topic, partition): (offset, most)
        for topic, partitions in whole.topics
        for partition, offset, most in partitions
    }


def _by_topic(wanted: Wanted) -> list[tuple[str, list[tuple[int, int, int]]]]:
    topics: dict[str, list[tuple[int, int, int]]] = {}
    for (topic, partition), (offset, most) in wanted.items():
        topics.setdefault(topic, []).append((partition, offset, most))
    return list(topics.items())
