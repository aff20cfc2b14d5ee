import { ascii, encodeHex } from '@sealwright/core/bytes'
import {
  type KeyRequest,
  parseKeyMessageFile,
  parseKeyReceiptFile,
  parseKeyRequestFile,
} from '@sealwright/core/key-download'
import { parseCardFile } from '@sealwright/core/loyalty'
import type { Explanation } from './explanation.ts'

/** The files of key download, and a customer's card, by their first bytes. */
export const keyDownloadFormats: readonly {
  readonly magic: Uint8Array
  readonly read: (bytes: Uint8Array) => Explanation
}[] = [
  {
    magic: ascii('SWKR'),
    read(bytes) {
      const request = parseKeyRequestFile(bytes)
      return { kind: 'key request', json: { ...request }, lines: requestLines(request) }
    },
  },
  {
    magic: ascii('SWKM'),
    read(bytes) {
      const { request, message } = parseKeyMessageFile(bytes)
      const { suite, counter } = message.header
      return {
        kind: 'key message',
        json: { request, suite, counter, cryptogram: message.cryptogram, certificate: message.certificate },
        lines: [
          ...requestLines(request),
          `suite ${suite.toString(16).toUpperCase()}, XCTR ${counter}`,
          `C ${encodeHex(message.cryptogram)}`,
          `CAS ${encodeHex(message.certificate)}`,
          'the key is encrypted; only the module named can open it',
        ],
      }
    },
  },
  {
    magic: ascii('SWKC'),
    read(bytes) {
      const claim = parseKeyReceiptFile(bytes)
      return {
        kind: 'key receipt',
        json: { ...claim },
        lines: [
          ...requestLines(claim.request),
          `XCTR ${claim.counter}`,
          `check value of the key ${encodeHex(claim.checkValue)}`,
          `ACK ${encodeHex(claim.acknowledgement)} (only the loader can check it)`,
        ],
      }
    },
  },
  {
    magic: ascii('SWCC'),
    read(bytes) {
      const record = parseCardFile(bytes)
      return {
        kind: "customer's card",
        json: { ...record },
        lines: [
          `card ${encodeHex(record.number)}`,
          `balance ${record.balance} points after ${record.sequence} bookings`,
          `MAC ${encodeHex(record.mac)} (not checked: that needs the fuel's key)`,
        ],
      }
    },
  },
]

function requestLines({ serial, source, destination, random }: KeyRequest): string[] {
  const reference = (number: number): string => number.toString(16).toUpperCase().padStart(8, '0')
  return [
    `module ${encodeHex(serial)}`,
    `asks for the key ${reference(source)} (REF1) into the place ${reference(destination)} (REF2)`,
    `R ${encodeHex(random)}`,
  ]
}
