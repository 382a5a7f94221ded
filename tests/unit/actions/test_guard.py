from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.errors import CannotPerformError, RefusedAddressError
from actions.guard import Guard, is_public, unwrapped

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.0",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "fc00::1",
    "fd00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_reached_by_https(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))
    Guard().check_address(text, "https")
    with pytest.raises(RefusedAddressError, match="https"):
        Guard().check_address(text, "http")


@pytest.mark.parametrize("text", PRIVATE)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_any_other_address_may_not_be_reached(text: str, scheme: str) -> None:
    with pytest.raises(RefusedAddressError):
        Guard().check_address(text, scheme)


@pytest.mark.parametrize("text", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_allow_list_opens_an_address_in_each_way_of_writing_it(text: str, scheme: str) -> None:
    Guard([ipaddress.ip_network("10.1.0.0/16")]).check_address(text, scheme)
    with pytest.raises(RefusedAddressError):
        Guard([ipaddress.ip_network("10.2.0.0/16")]).check_address(text, scheme)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_all_its_ipv6_forms(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    forms = [ipaddress.IPv6Address(number | prefix << 32) for prefix in (0xFFFF, 0x64FF9B << 64)]
    forms.append(ipaddress.IPv6Address(0x2002 << 112 | number << 80))
    for form in forms:
        assert unwrapped(form) == address
        assert is_public(form) == is_public(address)


@given(st.ip_addresses())
def test_no_address_that_the_registry_calls_private_is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        real = unwrapped(address)
        assert not is_public(address) or (real != address and is_public(real))


@given(st.text())
def test_any_text_is_a_url_or_refused_without_being_told(text: str) -> None:
    try:
        url = Guard().check_url("https://" + text)
    except CannotPerformError as refusal:
        told = str(refusal)
    else:
        told = ""
        assert url.scheme == "https"
        assert url.host
        assert url.user is None
    assert len(text) < 12 or text not in told
