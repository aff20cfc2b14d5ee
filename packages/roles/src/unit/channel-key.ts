import { encodeHex } from '@sealwright/core/bytes'
import { serializeIdentification } from '@sealwright/core/channel/general-authenticate'
import { type Certificate, parseCertificate } from '@sealwright/core/x509'
import type { PartyPorts } from '../ports/index.ts'
import { issueChannel } from './certificates.ts'

/** Name of the pair with which the unit proves itself in channels. It certifies nothing: that is the signing key's. */
export const channelKey = 'channel'

/**
 * Who this unit is, for a module that does not know it: the channel key's certificate, renewed when it has less than an hour, and the unit's
 * own. The pair is made with the first.
 */
export async function channelIdentification(ports: PartyPorts, unit: Certificate): Promise<Uint8Array> {
  const time = ports.clock.now()
  const certificate = await channelCertificate(ports, unit, time)
  return serializeIdentification({ time, certificates: [certificate, unit.encoded] })
}

async function channelCertificate(ports: PartyPorts, unit: Certificate, now: number): Promise<Uint8Array> {
  const { crypto, store, vault } = ports
  const point = (await vault.has(channelKey))
    ? await vault.publicPoint(channelKey)
    : await vault.createPair(channelKey)
  const file = `channel/${encodeHex(crypto.sha256(point, unit.encoded)).toLowerCase()}.der`
  const stored = await store.read(file)
  if (stored !== undefined && isFresh(parseCertificate(stored), now)) return stored
  const notAfter = Math.min(unit.notAfter, now + day)
  const encoded = await issueChannel(ports, unit, { point, notBefore: now, notAfter })
  await store.write(file, encoded)
  return encoded
}

function isFresh({ notBefore, notAfter }: Certificate, now: number): boolean {
  return notBefore <= now && now + hour <= notAfter
}

const hour = 3600
/** The copy of a vault is worth little: it certifies nothing, and its channels end with this at modules that have heard of a later time. */
const day = 24 * hour
