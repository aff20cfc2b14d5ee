import { decodeHex, encodeHex, equal, wipe } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { type Matter, matterWords } from '@sealwright/core/people'
import { openCertificateRequest, requireFingerprint } from '@sealwright/core/personalization'
import { parseCertificate } from '@sealwright/core/x509'
import { nodeEntropy, slowHash } from '@sealwright/node/crypto'
import type { PartyPorts } from '@sealwright/roles/ports'
import {
  beginTwoPins,
  changePin,
  confirmWithPin,
  pinHolders,
  pinPatience,
  pinRequests,
  pinRules,
  requestPinReset,
  requestWithPin,
  resetPin,
  setPin,
  type TwoPinsWorld,
  twoPinsLabel,
  waitingRequest,
} from '@sealwright/roles/two-pins'
import { signingKey } from '@sealwright/roles/unit'
import type { Command } from 'commander'
import {
  type Context,
  certificateOf,
  fields,
  report,
  requireSerial,
  type Step,
  table,
  timeText,
} from '../framework/index.ts'
import { centralOptions, centralSource } from './person.ts'

/** How JSON tells of two PINs wherever they let something be signed. */
export const pinsForm = { form: 'two PINs', enforcedBy: 'one machine', stronger: 'approvals' } as const

const person = { flags: '--person <tag>', text: 'name tag of the person', required: true } as const
const pinOption = {
  flags: '--pin <file>',
  text: 'the PIN: a file, - or fd:N (else it is asked for)',
} as const

/** `unit pins …`: two people at one machine. */
export function registerPins(unit: Command, context: Context): void {
  const pins = context.group(
    unit,
    'pins',
    'two people at this machine, each with a PIN',
    `One person asks for a module to be personalized, another one confirms it in another session, then \`unit personalize\` signs, once. Note: ${twoPinsLabel}.`,
  )

  context.verb(pins, {
    name: 'begin',
    summary: 'from now on two people agree before the unit signs',
    about: `Guards the unit's signing key by two PINs, for good. The central system that is named here unlocks who has typed five wrong ones. Two people then take their PINs with \`unit pins set\`. Note: ${twoPinsLabel}.`,
    examples: [
      'unit pins begin --central exchange/central.request --central-fingerprint-file exchange/central.fingerprint',
    ],
    options: centralOptions,
    async run(step) {
      const ports = step.party('unit')
      const { central, centralFingerprint } = centralSource(step)
      const { point } = openCertificateRequest(central, 'central-system', ports.crypto)
      requireFingerprint(point, centralFingerprint, ports.crypto)
      const { actor } = await beginTwoPins({ ports }, { key: signingKey, central: point })
      return report(
        { key: signingKey, actor, ...pinsForm },
        ...fields({ 'guarded key': encodeHex(actor) }),
        twoPinsLabel,
      )
    },
  })

  context.verb(pins, {
    name: 'set',
    summary: 'take a PIN, or change it',
    about:
      'The first two people who take a PIN are the two. A PIN has 6 to 64 characters; only a slow hash of it is kept. Who has one changes it with the old one.',
    examples: ['unit pins set --person anna', 'unit pins set --person anna --old-pin fd:3 --pin fd:4'],
    options: [
      person,
      pinOption,
      { flags: '--old-pin <file>', text: 'the PIN until now: a file, - or fd:N (else it is asked for)' },
    ],
    async run(step) {
      const world = worldOf(step)
      const id = step.option('person')
      const known = (await pinHolders(world.ports)).some((holder) => holder.id === id)
      const old = known ? await step.secretText('old-pin', `PIN of ${id} until now`) : undefined
      const fresh = await newPin(step, id)
      try {
        if (old === undefined) await setPin(world, id, fresh)
        else await changePin(world, id, { old, fresh })
      } finally {
        wipe(old, fresh)
      }
      return report({ person: id, changed: known, ...pinsForm }, `${id} has a ${known ? 'new ' : ''}PIN here`)
    },
  })

  context.verb(pins, {
    name: 'request',
    summary: 'ask for a module to be personalized: the first of two',
    about: `Asks, with your PIN, that this unit personalizes this module for this customer and this central system. Another person confirms it within ${pinPatience / 60} minutes, in another session.`,
    examples: [
      'unit pins request --person anna --serial 0000000000000001 --certificate certs/unit.pem --central exchange/central.request --central-fingerprint-file exchange/central.fingerprint',
    ],
    options: [
      person,
      pinOption,
      {
        flags: '--serial <hex>',
        text: "the order: the module's serial number, 16 hex digits",
        required: true,
      },
      { flags: '--certificate <file>', text: "the unit's certificate", required: true },
      ...centralOptions,
    ],
    async run(step) {
      const world = worldOf(step)
      const matter = personalizeMatter(world.ports, {
        serial: requireSerial(step.option('serial')),
        unit: certificateOf(step.readFile(step.option('certificate')), step.option('certificate')),
        ...centralSource(step),
      })
      const id = step.option('person')
      const pin = await step.secretText('pin', `PIN of ${id}`)
      const { nonce } = await requestWithPin(world, { id, pin, matter }).finally(() => wipe(pin))
      return report(
        { request: nonce, person: id, action: matter.action, object: matter.object, ...pinsForm },
        ...fields({
          ...Object.fromEntries(matterWords(matter)),
          request: encodeHex(nonce),
          'asked for by': id,
        }),
        `another person, in another session: sealwright unit pins confirm ${encodeHex(nonce)} --person TAG`,
      )
    },
  })

  context.verb(pins, {
    name: 'confirm <request>',
    summary: 'agree to what another person asks for: the second of two',
    about: `Shows what was asked for, and confirms it with your PIN. Then \`unit personalize\` for that module signs, within ${pinPatience / 60} minutes, once.`,
    examples: ['unit pins confirm 00112233445566778899AABBCCDDEEFF --person bert'],
    options: [person, pinOption],
    async run(step) {
      const text = step.argument(0)
      if (!/^[0-9a-fA-F]{32}$/.test(text)) throw new UsageError('expected the request, 32 hex digits')
      const world = worldOf(step)
      const waiting = await waitingRequest(world.ports, decodeHex(text))
      const shown = { ...Object.fromEntries(matterWords(waiting.matter)), 'asked for by': waiting.requester }
      for (const line of fields(shown)) step.terminal.say(line)
      const id = step.option('person')
      const pin = await step.secretText('pin', `PIN of ${id}, to confirm this`)
      const { matter, requester } = await confirmWithPin(world, { id, pin, nonce: waiting.nonce }).finally(
        () => wipe(pin),
      )
      return report(
        {
          request: waiting.nonce,
          requester,
          confirmer: id,
          action: matter.action,
          object: matter.object,
          ...pinsForm,
        },
        ...fields({ ...shown, 'confirmed by': id }),
      )
    },
  })

  context.verb(pins, {
    name: 'show',
    summary: 'who has a PIN here, and how requests stand',
    about: `Shows the people with a PIN here, how many tries each has left, and requests. Note: ${twoPinsLabel}.`,
    examples: ['unit pins show'],
    async run(step) {
      const ports = step.party('unit')
      const rules = await pinRules(ports)
      const people = (await pinHolders(ports)).map(({ id, triesLeft }) => ({ id, triesLeft }))
      const requests = (await pinRequests(ports)).sort((a, b) => a.at - b.at)
      return report(
        {
          guards: rules === undefined ? null : rules.key,
          people,
          requests: requests.map(({ nonce, matter, requester, at, confirmed, usedAt }) => ({
            request: nonce,
            action: matter.action,
            object: matter.object,
            requester,
            at: timeText(at),
            confirmer: confirmed?.by,
            used: usedAt === undefined ? null : timeText(usedAt),
          })),
          ...pinsForm,
        },
        rules === undefined ? 'no PINs guard a key here' : `two PINs guard the key ${encodeHex(rules.actor)}`,
        ...table(
          ['person', 'tries left'],
          people.map(({ id, triesLeft }) => [id, triesLeft === 0 ? 'locked' : String(triesLeft)]),
        ),
        ...table(
          ['request', 'asked for by', 'at', 'confirmed by', 'used'],
          requests.map(({ nonce, requester, at, confirmed, usedAt }) => [
            encodeHex(nonce),
            requester,
            timeText(at),
            confirmed?.by ?? '–',
            usedAt === undefined ? 'no' : timeText(usedAt),
          ]),
        ),
        twoPinsLabel,
      )
    },
  })

  context.verb(pins, {
    name: 'ask-reset',
    summary: 'ask the central system to unlock a person, or have one forgotten',
    about:
      'Writes what `sealwright central reset-pin` signs. With --forget the person is no longer one of the two, and another one can take a PIN.',
    writes: ['--out FILE: the request'],
    examples: ['unit pins ask-reset --person bert --out exchange/bert.pin-request'],
    options: [
      person,
      { flags: '--forget', text: 'the person is to be forgotten here' },
      { flags: '--out <file>', text: 'the request', required: true },
    ],
    async run(step) {
      const [id, change] = [step.option('person'), step.flag('forget') ? 'forget' : 'unlock'] as const
      step.replaceFile(step.option('out'), await requestPinReset(step.party('unit'), id, change))
      return report({ person: id, change }, ...fields({ person: id, change }))
    },
  })

  context.verb(pins, {
    name: 'reset <file>',
    summary: 'do what the central system has signed for a person',
    about: 'Gives the person all tries again, or forgets the person. A reset counts once.',
    reads: ['FILE: from the central system'],
    examples: ['unit pins reset exchange/bert.pin-reset'],
    async run(step) {
      const { id, change } = await resetPin(step.party('unit'), step.readFile(step.argument(0)))
      return report(
        { person: id, change },
        change === 'unlock' ? `${id} has all tries again` : `${id} has no PIN here any more`,
      )
    },
  })
}

/** What `unit personalize` is about to do, as two people agree to it. */
export function personalizeMatter(
  { crypto }: Pick<PartyPorts, 'crypto'>,
  order: {
    readonly serial: Uint8Array
    readonly unit: Uint8Array
    readonly central: Uint8Array
    readonly centralFingerprint: Uint8Array
  },
): Matter {
  const { customer } = parseCertificate(order.unit)
  if (customer === undefined) throw new UsageError("expected a unit's certificate")
  const { point } = openCertificateRequest(order.central, 'central-system', crypto)
  requireFingerprint(point, order.centralFingerprint, crypto)
  return { action: 'personalize', object: { module: order.serial, customer, central: crypto.sha256(point) } }
}

function worldOf(step: Step): TwoPinsWorld {
  return { ports: step.party('unit'), slowHash, session }
}

/** Each process is a session of its own. */
const session = nodeEntropy.bytes(16)

async function newPin(step: Step, id: string): Promise<Uint8Array> {
  const first = await step.secretText('pin', `new PIN of ${id}`)
  if (step.optional('pin') !== undefined) return first
  const second = await step.secretText('pin', 'the same again')
  const same = equal(first, second)
  wipe(second)
  if (same) return first
  wipe(first)
  throw new UsageError('the two PINs differ; nothing was changed')
}
