"""SCRAM as RFC 7677 has it, also from the second connection on, for which the password is not hashed again."""

from __future__ import annotations

from aiokafka.conn import ScramAuthenticator

from runtime import kafka_connection

# RFC 7677, section 3.
NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = f"r={NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def _proof(password: str) -> str:
    client = ScramAuthenticator(
        loop=None, sasl_plain_password=password, sasl_plain_username="user", sasl_mechanism="SCRAM-SHA-256"
    )
    client._nonce = NONCE
    client.first_message()
    client.process_server_first_message(SERVER_FIRST)
    final: str = client.final_message()
    if password == "pencil":
        client.process_server_final_message(SERVER_FINAL)
    return final.rpartition("p=")[2]


def test_each_connection_proves_the_password_and_only_the_first_hashes_it() -> None:
    kafka_connection.mend()
    kafka_connection._salted.cache_clear()
    assert [_proof("pencil") for _ in range(3)] == [PROOF] * 3
    assert _proof("another") != PROOF
    known = kafka_connection._salted.cache_info()
    assert (known.hits, known.misses) == (2, 2)
