import { fingerprint, openCertificateRequest } from '@sealwright/core/personalization'
import type { Transport } from '@sealwright/core/ports'
import type { PartyPorts } from '../ports/index.ts'
import { cardOfRun } from './card-run.ts'
import { type Personalized, type PersonalizeInput, personalizeWith } from './personalize.ts'

/** What a run with a card takes: certificates and central system are the card's own. */
export type PersonalizeByCardInput = Pick<
  PersonalizeInput,
  | 'serial'
  | 'root'
  | 'papers'
  | 'documentKey'
  | 'channel'
  | 'leastChannel'
  | 'credential'
  | 'insecureAcceptTest'
  | 'approvals'
> & {
  /** The signing card. */
  readonly card: Transport
}

/**
 * Personalizes a module with a signing card: the card's order (`orderByCard`) says what BEGIN says, and the card checks the module's identity, its
 * answer, both approvals and its ticket by itself before it certifies. Run again after any interruption it ends with one certificate.
 */
export async function personalizeByCard(
  ports: PartyPorts,
  transport: Transport,
  input: PersonalizeByCardInput,
): Promise<Personalized> {
  const { card, approvals = [], ...order } = input
  const of = await cardOfRun(card)
  const { point } = openCertificateRequest(of.centralRequest, 'central-system', ports.crypto)
  const { root, insecureAcceptTest } = input
  return personalizeWith(
    ports,
    transport,
    {
      ...order,
      unit: of.unit,
      central: of.centralRequest,
      centralFingerprint: fingerprint(point, ports.crypto),
    },
    {
      ...{ of, root, approvals, transport: card },
      ...(insecureAcceptTest === undefined ? {} : { insecureAcceptTest }),
    },
  )
}
