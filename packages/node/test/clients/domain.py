"""domain.py READER [AID]: makes a supplementary security domain with yubikit, by default one with PIV's AID."""

import sys

from yubikit_card import PIV_DOMAIN, card, install_domain, report

reader, *aid = sys.argv[1:]
with card(reader) as connection:
    answer = install_domain(connection, bytes.fromhex(aid[0]) if aid else PIV_DOMAIN)
report(answer=answer.hex().upper())
