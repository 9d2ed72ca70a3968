"""Which addresses may be reached: those of the internet, and what a file names beside them.

The rule this file guards: an address is judged by what it leads to. One that holds another
(mapped, translated, tunnelled) is judged by that as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = ip_network("64:ff9b::/96")
_REFUSED = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "192.88.99.0/24", "168.63.129.16/32", "100.100.100.200/32"),
            *("::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10"),
        ),
    )
)
"""Beside what is not global: old relays, tunnels, and services of clouds for their machines."""


def may_be_reached(text: str, networks: Sequence[Network] = ()) -> bool:
    """Tell whether an address is one of the internet, or in one of these networks."""
    address = ip_address(text.partition("%")[0])
    if any(address in each for each in networks):
        return True
    return all(map(_is_public, _meanings(address)))


def _is_public(address: Address) -> bool:
    is_special = address.is_multicast or address.is_reserved or not address.is_global
    return not is_special and not any(address in each for each in _REFUSED)


def _meanings(address: Address) -> Iterator[Address]:
    """Yield an address, and the one that it holds."""
    if not isinstance(address, IPv6Address):
        yield address
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    else:
        yield address
