import { certificateIds } from '@sealwright/core/catalog'
import { StateError } from '@sealwright/core/errors'
import { pathLeaf } from '@sealwright/core/resources'
import { type Certificate, parseCertificate } from '@sealwright/core/x509'
import type { Channel } from '../channel/index.ts'
import { readData, readHead } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { pinnedRoot } from './pins.ts'

/** An operating module as its certificates prove it. */
export interface KnownModule {
  readonly serial: Uint8Array
  readonly operating: Certificate
  readonly unit: Certificate
}

/** Reads the module's operating certificate and checks it up to the pinned manufacturer's root. */
export async function knownModule(ports: PartyPorts, channel: Channel): Promise<KnownModule> {
  const { serial, state } = await readHead(channel)
  if (state !== 'operating') throw new StateError('the module is not personalized')
  const read = async (tag: number): Promise<Certificate> => {
    const encoded = await readData(channel, tag)
    if (encoded === undefined) throw new StateError('the module shows no operating certificate')
    return parseCertificate(encoded)
  }
  const operating = await read(certificateIds.operating.tag)
  const unit = await read(certificateIds.unit.tag)
  const root = await pinnedRoot(ports, 'manufacturer-root')
  pathLeaf([operating, unit], root, 'module-operating', ports.clock.now(), ports.crypto, serial)
  return { serial, operating, unit }
}
