import { ascii } from '../../bytes/index.ts'
import { documentKeyId } from '../../cbor/index.ts'
import type { Crypto, EcPrivateKey } from '../../ports/index.ts'
import { type Approval, type ApprovalRequest, prepareApproval } from '../approval.ts'
import type { Person } from '../person.ts'
import { prepareRoster, type Roster } from '../roster.ts'

/** Enrolled persons with their devices' keys, made from fixed scalars: for tests alone. */
export interface TestOnlyPeople {
  /** The central system's key. */
  readonly central: EcPrivateKey
  /** `anna` may ask, `berta` may approve, `carla` may do both; `dora` approves only `terminate`; `emil` was revoked. */
  readonly keys: Readonly<Record<'anna' | 'berta' | 'carla' | 'dora' | 'emil' | 'stranger', EcPrivateKey>>
  readonly roster: Roster
  /** The roster signed by the central system, with some fields changed. */
  signRoster(changes?: Partial<Roster>, signer?: EcPrivateKey): Uint8Array
  /** An approval signed by one person; of what another asked for, when `requester` is given. */
  approve(
    by: EcPrivateKey,
    request: ApprovalRequest,
    requester?: EcPrivateKey,
    changes?: Partial<Approval>,
  ): Uint8Array
}

/** @param issued of the roster, seconds since 1970; it counts for a year */
export function testOnlyPeople(crypto: Crypto, issued: number): TestOnlyPeople {
  const key = (name: string): EcPrivateKey =>
    crypto.ecPrivateKey(crypto.sha256(ascii(`testOnly person ${name}`)))
  const keys = {
    anna: key('anna'),
    berta: key('berta'),
    carla: key('carla'),
    dora: key('dora'),
    emil: key('emil'),
    stranger: key('stranger'),
  }
  const person = (id: keyof typeof keys, changes: Partial<Person>): Person => ({
    id,
    point: keys[id].publicPoint,
    duties: ['request', 'approve'],
    actions: ['personalize', 'terminate'],
    ...changes,
  })
  const roster: Roster = {
    number: 3,
    issued,
    until: issued + 365 * 86_400,
    persons: [
      person('anna', { duties: ['request'] }),
      person('berta', { duties: ['approve'] }),
      person('carla', {}),
      person('dora', { actions: ['terminate'] }),
      person('emil', { revoked: issued }),
    ],
  }
  const central = key('central system')
  return {
    central,
    keys,
    roster,
    signRoster(changes = {}, signer = central) {
      const unsigned = prepareRoster({ ...roster, ...changes }, signer.publicPoint, crypto)
      return unsigned.finish(signer.sign(unsigned.toBeSigned))
    },
    approve(by, request, requester = by, changes = {}) {
      const approval = { ...request, requester: documentKeyId(requester.publicPoint, crypto), ...changes }
      const unsigned = prepareApproval(approval, by.publicPoint, crypto)
      return unsigned.finish(by.sign(unsigned.toBeSigned))
    },
  }
}
