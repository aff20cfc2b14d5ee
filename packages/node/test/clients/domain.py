"""domain.py READER [AID]: makes a supplementary security domain with yubikit, by default one with PIV's AID, unless the card has it."""

import sys

from yubikit.core import ApplicationNotAvailableError
from yubikit.core.smartcard import SmartCardProtocol

from yubikit_card import PIV_DOMAIN, card, install_domain, report

reader, *words = sys.argv[1:]
aid = bytes.fromhex(words[0]) if words else PIV_DOMAIN
with card(reader) as connection:
    try:
        SmartCardProtocol(connection).select(aid)
        report(answer=None)
    except ApplicationNotAvailableError:
        report(answer=install_domain(connection, aid).hex().upper())
