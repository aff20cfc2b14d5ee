import { UsageError } from '@sealwright/core/errors'
import type { ErrorDetection } from '@sealwright/core/t1'
import { defaultBaud } from '@sealwright/node/transport'

/** Where a module is, as people name it on the command line. */
export type ModuleAddress =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | ({ readonly kind: 'serial' } & SerialAddress)
  | { readonly kind: 'reader'; readonly name: string }

export interface SerialAddress {
  readonly device: string
  readonly baud: number
  readonly checksum: ErrorDetection
}

/** A chip file, tcp:HOST:PORT, serial:DEVICE?baud=N&checksum=crc, or reader:NAME. */
export function moduleAddress(text: string): ModuleAddress {
  const [, kind, rest = ''] = /^(tcp|serial|reader):(.+)$/s.exec(text) ?? []
  if (kind === 'tcp') return tcpAddress(rest)
  if (kind === 'serial') return { kind, ...serialAddress(rest) }
  if (kind === 'reader') return { kind, name: rest }
  return { kind: 'file', path: text }
}

/** DEVICE, or DEVICE?baud=N&checksum=crc|lrc. */
export function serialAddress(text: string): SerialAddress {
  const [, device = '', options = ''] = /^([^?]*)(?:\?(.*))?$/s.exec(text) ?? []
  if (device === '') throw new UsageError('name the device of the serial line, e.g. serial:/dev/ttyUSB0')
  const given = new Map<string, string>()
  for (const option of options === '' ? [] : options.split('&')) {
    const [, name = '', value = ''] = /^(baud|checksum)=(.+)$/.exec(option) ?? []
    if (name === '' || given.has(name))
      throw new UsageError(
        `expected baud=N or checksum=crc|lrc behind the device, got ${JSON.stringify(option)}`,
      )
    given.set(name, value)
  }
  return { device, baud: baudOf(given.get('baud')), checksum: checksumOf(given.get('checksum')) }
}

export function baudOf(text: string | undefined): number {
  if (text === undefined) return defaultBaud
  if (!/^[0-9]{2,7}$/.test(text))
    throw new UsageError(`expected a speed in baud, got ${JSON.stringify(text)}`)
  return Number(text)
}

export function checksumOf(text: string | undefined): ErrorDetection {
  if (text === undefined || text === 'crc' || text === 'lrc') return text ?? 'crc'
  throw new UsageError(`expected the checksum crc or lrc, got ${JSON.stringify(text)}`)
}

function tcpAddress(text: string): ModuleAddress {
  const [, host, digits] = /^(.+):([0-9]{1,5})$/.exec(text) ?? []
  if (host === undefined || Number(digits) > 0xffff)
    throw new UsageError(`expected tcp:HOST:PORT, got ${JSON.stringify(`tcp:${text}`)}`)
  return { kind: 'tcp', host, port: Number(digits) }
}
