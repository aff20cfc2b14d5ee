import { equal } from '../bytes/index.ts'
import {
  type DocumentFields,
  prepareDocument,
  readDocument,
  type SignedDocument,
  type UnsignedDocument,
  verifyDocument,
} from '../cbor/index.ts'
import { withHandle } from '../crypto/index.ts'
import { DecodeError } from '../errors/index.ts'
import type { Crypto } from '../ports/index.ts'
import { checkPath, parseCertificate } from '../x509/index.ts'

/** The release of a module to another customer, signed by a unit of the one that it belongs to. */
export interface Transfer {
  /** Serial number, 8 bytes. */
  readonly module: Uint8Array
  /** Customers, 16 bytes each. */
  readonly from: Uint8Array
  readonly to: Uint8Array
  /** Rises with every transfer of this module, whoever signs it; at most `time`, so that nobody takes all numbers from whoever comes after. */
  readonly number: number
  /** Seconds since 1970. */
  readonly time: number
  /** The signing unit's certificate, DER: the module that is to take this has none any more. */
  readonly unit: Uint8Array
}

/** The document without its signature, which the unit's key makes. */
export function prepareTransfer(
  transfer: Transfer,
  publicPoint: Uint8Array,
  crypto: Crypto,
): UnsignedDocument {
  return prepareDocument('transfer', { ...transfer } satisfies DocumentFields, publicPoint, crypto)
}

export function parseTransfer(document: SignedDocument): Transfer {
  if (document.type !== 'transfer') throw new DecodeError(`expected a transfer, got a ${document.type}`)
  const r = readDocument(document)
  const transfer = {
    module: r.bytes('module', 8),
    from: r.bytes('from', 16),
    to: r.bytes('to', 16),
    number: r.uint('number'),
    time: r.uint('time'),
    unit: r.bytes('unit'),
  }
  r.end()
  if (transfer.number === 0) throw r.fail('number expected at least 1')
  if (transfer.number > transfer.time) throw r.fail('number expected at most the time')
  if (equal(transfer.from, transfer.to)) throw r.fail('from and to are the same customer')
  return transfer
}

/** What a transfer must fit. */
export interface TransferExpectation {
  readonly serial: Uint8Array
  /** Whom the module belongs to, 16 bytes. */
  readonly customer: Uint8Array
  readonly manufacturerPoint: Uint8Array
  /** The module's OTP test bit. */
  readonly test: boolean
}

/** Whether a unit of that customer, certified under the manufacturer's key at the transfer's own time, has signed it for this module. */
export function transferHolds(
  document: SignedDocument,
  transfer: Transfer,
  { serial, customer, manufacturerPoint, test }: TransferExpectation,
  crypto: Crypto,
): boolean {
  if (!equal(transfer.module, serial) || !equal(transfer.from, customer)) return false
  const unit = parseCertificate(transfer.unit)
  const path = checkPath(
    {
      chain: [unit],
      anchor: { publicPoint: manufacturerPoint, role: 'manufacturer-root', test },
      role: 'unit',
      at: transfer.time,
      insecureAcceptTest: test,
    },
    crypto,
  )
  if (!path.ok || !equal(unit.customer!, customer)) return false
  return withHandle(crypto.ecPublicKey(unit.publicPoint), (key) =>
    verifyDocument(document, 'transfer', key, crypto),
  )
}
