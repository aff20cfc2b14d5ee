import {
  type ChannelForm,
  type ChannelLevel,
  channelForms,
  channelKeys,
  channelLevelOf,
  channelLevels,
  dataTags,
  defaultChannelLevel,
  meetsLevel,
} from '@sealwright/core/catalog'
import { PeerError, StateError, UsageError } from '@sealwright/core/errors'
import type { Transport } from '@sealwright/core/ports'
import type { Certificate } from '@sealwright/core/x509'
import {
  type Channel,
  endChannel,
  openDhSigned,
  openEphemeral,
  openScp11a,
  openScp11b,
  openSignedKey,
  plain,
} from '../channel/index.ts'
import { readData, underDocumentKey } from '../custody/index.ts'
import type { PartyPorts } from '../ports/index.ts'
import { channelIdentification, channelKey } from './channel-key.ts'

/** What decides in which form a personalization runs. */
export interface ChannelChoice {
  /** The document key's form where there is such a key, else the module's proof, unless given. */
  readonly channel?: ChannelForm
  /** The least that this deployment allows: the module's proof unless given. What is lower does not stop someone in the middle. */
  readonly leastChannel?: ChannelLevel
}

/**
 * The form to use. Below the deployment's policy: StateError `channel-below-policy`. No channel on a line that is not direct: StateError
 * `line-not-direct`, whatever the policy says and whatever encrypts the line.
 */
export function chosenForm(
  { channel, leastChannel = defaultChannelLevel }: ChannelChoice,
  transport: Pick<Transport, 'direct'>,
  withDocumentKey: boolean,
): ChannelForm {
  const form = channel ?? (withDocumentKey ? 'document-key' : 'module-proof')
  if ((form === 'document-key') !== withDocumentKey) {
    throw new UsageError(
      withDocumentKey
        ? `a document key was given, and a channel of the form ${form} does not use it`
        : "a channel under the document key takes the module's papers or the key",
    )
  }
  requireLevel(form, leastChannel, 'this unit')
  if (form === 'none' && transport.direct !== true) {
    throw new StateError(
      'without a channel nothing is said on a line that others may stand in; encryption of the link itself does not count',
      { code: 'line-not-direct' },
    )
  }
  return form
}

/** Refuses a form that the module's product does not take, before anything else is said. */
export async function requireModuleTakes(channel: Channel, form: ChannelForm): Promise<void> {
  const told = await readData(channel, dataTags.channelPolicy)
  const least = told === undefined ? defaultChannelLevel : channelLevelOf(told[0] ?? 0xff)
  if (least === undefined || told?.length === 0)
    throw new PeerError('the module tells a channel policy that is not known')
  requireLevel(form, least, "the module's product")
}

function requireLevel(form: ChannelForm, least: ChannelLevel, holder: string): void {
  if (meetsLevel(form, least)) return
  throw new StateError(
    `a channel of the form ${form} is less than ${holder} allows: at least ${least} (${channelLevels[least].meaning})`,
    { code: 'channel-below-policy', details: { form, least, holder } },
  )
}

/** What a form gives, for a person; the ones that stop nobody say so. */
export function channelWarning(form: ChannelForm): string | undefined {
  const { level } = channelForms[form]
  if (level === 'none') return 'no channel: whoever holds the line reads and changes what is said on it'
  if (level !== 'unauthenticated') return undefined
  return 'the channel is without authentication: it does not stop someone in the middle who was there when it was set up'
}

export interface PersonalizationChannel {
  readonly form: ChannelForm
  readonly serial: Uint8Array
  /** Checked up to the root; undefined for one of many identical modules. */
  readonly identity: Certificate | undefined
  readonly unit: Certificate
  readonly documentKey: Uint8Array | undefined
}

/** Works in a channel of the form, and ends it. */
export async function inPersonalizationChannel<T>(
  ports: PartyPorts,
  transport: Transport,
  input: PersonalizationChannel,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const { form, serial, documentKey } = input
  if (form === 'none') return work(plain(transport))
  if (form === 'document-key') {
    if (documentKey === undefined) throw new UsageError('a channel under the document key takes the key')
    return underDocumentKey(ports, transport, { serial, documentKey }, work)
  }
  let secured: Channel | undefined
  try {
    secured = await opened(ports, transport, { ...input, form })
    return await work(secured)
  } finally {
    // Also after a set-up that failed here: the module may have it open.
    secured?.close()
    await endChannel(transport)
  }
}

async function opened(
  ports: PartyPorts,
  transport: Transport,
  {
    form,
    serial,
    identity,
    unit,
  }: PersonalizationChannel & { form: Exclude<ChannelForm, 'none' | 'document-key'> },
): Promise<Channel> {
  const { crypto, entropy, vault } = ports
  if (form === 'ephemeral') return openEphemeral(transport, { crypto, entropy, serial })
  if (identity === undefined) {
    throw new UsageError(`a module without identity proves nothing in a channel of the form ${form}`)
  }
  const modulePoint = identity.publicPoint
  const own = async () => ({
    ...{ crypto, entropy, serial, vault, keyName: channelKey },
    identification: await channelIdentification(ports, unit),
  })
  const module = { point: modulePoint, certificate: identity.encoded }
  switch (form) {
    case 'module-proof':
      return openScp11b(transport, { crypto, entropy, modulePoint, serial })
    case 'mutual':
      return openScp11a(transport, { ...(await own()), modulePoint, keyId: channelKeys.unit })
    case 'dh-signed':
      return openDhSigned(transport, { ...(await own()), module })
    case 'signed-key':
      return openSignedKey(transport, { ...(await own()), module })
  }
}
