"""Lets yubikey-manager's own device tests run, unchanged, against a card that is no YubiKey.

A pytest plugin (`-p plain_card`). The tests ask the device for its firmware version and run only where it is 5.7.2 or newer. A plain
GlobalPlatform card has no YubiKey firmware, so yubikit falls back to 3.0.0; this says 5.7.2 instead, which is what the tests hold the card to.
Everything else comes from the card itself, through pyscard and pcscd.
"""

from dataclasses import replace

import ykman.device
from yubikit.core import Version

_read_info = ykman.device.read_info


def _read_info_of_plain_card(*args, **kwargs):
    return replace(_read_info(*args, **kwargs), version=Version(5, 7, 2))


ykman.device.read_info = _read_info_of_plain_card
