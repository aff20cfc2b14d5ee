"""security_domain.py READER FOLDER: what yubikit's SecurityDomainSession offers, once, in one life of a test card.

FOLDER holds a certificate authority made for this run: ca.pem (root), ka.pem (intermediate), oce.pem and oce.key (the host's certificate and
key), sd.pem and sd.key (for an SD key that the script imports), other.pem and other.key (a host that the root never signed).
Every step checks what the card said; the facts at the end are what the caller looks at.
"""

import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from yubikit.core.smartcard.scp import (
    KeyRef,
    Scp03KeyParams,
    Scp11KeyParams,
    ScpKid,
    StaticKeys,
)
from yubikit.securitydomain import Curve

from yubikit_card import card, keys, refused, report, session

reader, folder = sys.argv[1], Path(sys.argv[2])


def certificate(name):
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())


def private(name):
    return serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)


def ski(cert):
    return cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def point(key):
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


ca, ka, oce, sd_cert, other = map(certificate, ("ca", "ka", "oce", "sd", "other"))
own = StaticKeys(os.urandom(16), os.urandom(16), os.urandom(16))
facts = {}

with card(reader) as connection:
    # Key information and card data need no session.
    plain = session(connection)
    facts["factory"] = keys(plain)
    facts["cardData"] = plain.get_card_recognition_data().hex().upper()
    facts["refusedInClear"] = refused(plain.generate_ec_key, KeyRef(ScpKid.SCP11a, 1))
    assert plain.get_supported_ca_identifiers() == {}

    # SCP11b from the factory: the chain leads to the key; what needs the host's identity is refused.
    ref_b = KeyRef(ScpKid.SCP11b, 1)
    chain = plain.get_certificate_bundle(ref_b)
    assert len(chain) >= 2
    for issuer, subject in zip(chain, chain[1:]):
        subject.verify_directly_issued_by(issuer)
    sd = session(connection, Scp11KeyParams(ref_b, chain[-1].public_key()))
    assert keys(sd) == facts["factory"]
    facts["refusedIn11b"] = [
        refused(sd.generate_ec_key, KeyRef(ScpKid.SCP11a, 1)),
        refused(session(connection, Scp11KeyParams(ref_b, chain[-1].public_key())).delete_key, ScpKid.SCP11b, 1),
        refused(session(connection, Scp11KeyParams(ref_b, chain[-1].public_key())).put_key, KeyRef(0x10, 1), ca.public_key()),
    ]
    assert keys(session(connection)) == facts["factory"]

    # Own SCP03 keys take the place of the factory's.
    session(connection, Scp03KeyParams()).put_key(KeyRef(ScpKid.SCP03, 2), own)
    for wrong in (StaticKeys.default(), StaticKeys(own.key_mac, own.key_enc, own.key_dek)):
        try:
            session(connection, Scp03KeyParams(keys=wrong))
        except ValueError:
            continue
        raise AssertionError("a wrong key set was taken")
    scp03 = Scp03KeyParams(KeyRef(ScpKid.SCP03, 2), own)
    facts["ownKeys"] = keys(session(connection, scp03))

    # And again: the set is replaced under a new version.
    newer = StaticKeys(os.urandom(16), os.urandom(16), os.urandom(16))
    session(connection, scp03).put_key(KeyRef(ScpKid.SCP03, 3), newer, replace_kvn=2)
    scp03 = Scp03KeyParams(KeyRef(ScpKid.SCP03, 0), newer)
    sd = session(connection, scp03)
    facts["replaced"] = keys(sd)

    # EC keys: generated and imported for a, b and c; the authority's public key for the host.
    generated = {
        kid: sd.generate_ec_key(KeyRef(kid, 5), Curve.SECP256R1) for kid in (ScpKid.SCP11a, ScpKid.SCP11c)
    }
    ref_imported = KeyRef(ScpKid.SCP11b, 6)
    sd.put_key(ref_imported, private("sd"))
    ref_ca = KeyRef(0x10, 5)
    sd.put_key(ref_ca, ca.public_key())
    facts["ecKeys"] = keys(sd)

    # Certificates: a long chain goes in and comes out as it was; a generated key has one from the card.
    assert sd.get_certificate_bundle(ref_imported) == []
    long_chain = [ca, ka, ca, ka, sd_cert]
    sd.store_certificate_bundle(ref_imported, long_chain)
    assert sd.get_certificate_bundle(ref_imported) == long_chain
    sd.store_certificate_bundle(ref_imported, [ca, sd_cert])
    assert session(connection).get_certificate_bundle(ref_imported) == [ca, sd_cert]
    sd = session(connection, scp03)
    for kid, public in generated.items():
        bundle = sd.get_certificate_bundle(KeyRef(kid, 5))
        assert point(bundle[-1].public_key()) == point(public)

    # Identifiers of authorities, for hosts and for modules.
    sd.store_ca_issuer(ref_ca, ski(ca))
    sd.store_ca_issuer(ref_imported, ski(ka))
    assert sd.get_supported_ca_identifiers(kloc=True) == {ref_ca: ski(ca)}
    assert sd.get_supported_ca_identifiers(klcc=True) == {ref_imported: ski(ka)}
    assert len(session(connection).get_supported_ca_identifiers()) == 2

    # SCP11b with the imported key; the wrong public key is noticed by the receipt.
    session(connection, Scp11KeyParams(ref_imported, sd_cert.public_key()))
    try:
        session(connection, Scp11KeyParams(ref_imported, other.public_key()))
        raise AssertionError("a wrong key of the card was taken")
    except InvalidSignature:
        pass

    # SCP11a and c: the whole chain; without naming the authority's key; a stranger is refused.
    def host(kid, certificates=(ka, oce), key="oce", oce_ref=ref_ca):
        return Scp11KeyParams(KeyRef(kid, 5), generated[kid], oce_ref, private(key), list(certificates))

    for kid in (ScpKid.SCP11a, ScpKid.SCP11c):
        assert keys(session(connection, host(kid))) == facts["ecKeys"]
        session(connection, host(kid, oce_ref=None))
        session(connection, host(kid, oce_ref=KeyRef(0, 0)))
    facts["refusedStranger"] = refused(session, connection, host(ScpKid.SCP11a, [other], "other"))
    facts["refusedBrokenChain"] = refused(session, connection, host(ScpKid.SCP11a, [oce]))
    facts["refusedWrongOrder"] = refused(session, connection, host(ScpKid.SCP11a, [oce, ka]))
    facts["refusedUnknownCa"] = refused(session, connection, host(ScpKid.SCP11a, oce_ref=KeyRef(0x20, 1)))

    # In 11a keys can be changed under the session's own DEK; in 11c they cannot.
    sd = session(connection, host(ScpKid.SCP11a))
    sd.put_key(KeyRef(ScpKid.SCP11b, 7), private("sd"))
    session(connection, Scp11KeyParams(KeyRef(ScpKid.SCP11b, 7), sd_cert.public_key()))
    again = StaticKeys(os.urandom(16), os.urandom(16), os.urandom(16))
    session(connection, host(ScpKid.SCP11a)).put_key(KeyRef(ScpKid.SCP03, 4), again)
    session(connection, Scp03KeyParams(KeyRef(ScpKid.SCP03, 4), again))
    session(connection, scp03).delete_key(kvn=4)
    facts["refusedIn11c"] = [
        refused(session(connection, host(ScpKid.SCP11c)).delete_key, ScpKid.SCP11b, 7),
        refused(session(connection, host(ScpKid.SCP11c)).put_key, KeyRef(0x10, 9), ca.public_key()),
        refused(session(connection, host(ScpKid.SCP11c)).generate_ec_key, KeyRef(ScpKid.SCP11a, 9)),
    ]

    # Allow-list: the chain's serial numbers, then others, then none.
    serials = [ka.serial_number, oce.serial_number]
    session(connection, scp03).store_allowlist(ref_ca, serials)
    session(connection, host(ScpKid.SCP11a))
    session(connection, scp03).store_allowlist(ref_ca, [1, 2, 2**159])
    facts["refusedByAllowList"] = refused(session, connection, host(ScpKid.SCP11a))
    session(connection, scp03).store_allowlist(ref_ca, [ka.serial_number])
    facts["refusedLeafNotListed"] = refused(session, connection, host(ScpKid.SCP11a))
    session(connection, scp03).store_allowlist(ref_ca, [])
    session(connection, host(ScpKid.SCP11a))

    # Deleting: one key, all of a version, what is not there; the last one only when that is said.
    sd = session(connection, scp03)
    sd.delete_key(ScpKid.SCP11b, 7)
    facts["refusedAbsent"] = refused(sd.delete_key, ScpKid.SCP11b, 7)
    sd.delete_key(kvn=5)
    facts["afterKvn5"] = keys(sd)
    assert ref_ca not in sd.get_supported_ca_identifiers()
    sd.delete_key(kid=ScpKid.SCP11b)
    facts["afterKid13"] = keys(sd)
    facts["refusedLast"] = refused(sd.delete_key, kvn=3)
    assert keys(session(connection, scp03)) == facts["afterKid13"]

    # Reset: by bad tries on every key, as on a YubiKey; afterwards the card is as it came.
    sd = session(connection, scp03)
    sd.generate_ec_key(KeyRef(ScpKid.SCP11a, 8))
    sd.generate_ec_key(KeyRef(ScpKid.SCP11c, 8))
    sd.put_key(KeyRef(0x10, 8), ca.public_key())
    sd.put_key(KeyRef(ScpKid.SCP03, 4), again)
    sd.store_ca_issuer(KeyRef(0x10, 8), ski(ca))
    session(connection).reset()
    plain = session(connection)
    facts["afterReset"] = keys(plain)
    assert plain.get_supported_ca_identifiers() == {}
    fresh = plain.get_certificate_bundle(ref_b)
    session(connection, Scp11KeyParams(ref_b, fresh[-1].public_key()))
    assert keys(session(connection, Scp03KeyParams())) == facts["factory"]

report(**facts)
