import { encodeHex } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import {
  createDomain,
  deleteContent,
  deleteKeys,
  setCardState,
  setLocked,
} from '@sealwright/roles/globalplatform'
import type { Command } from 'commander'
import { type Context, type Report, report, type Step } from '../framework/index.ts'
import { aidOf, byteOf, hexByte, inSession, requireAid, sessionOptions } from './gp-session.ts'

export function registerContent(gp: Command, context: Context): void {
  context.verb(gp, {
    name: 'domain <aid>',
    summary: 'create a supplementary security domain',
    about:
      'Creates a security domain with SCP03, out of the load file for domains that the card lists. It has no keys of its own yet: give it some with `gp put-keys --aid AID`. One that is there is left alone, so that a run that was broken off can be repeated.',
    examples: [
      'gp domain A00000015153504102 --reader ACS --keys card.keys',
      'gp domain A00000015153504102 --module card.chip --test-keys',
    ],
    module: 'required',
    options: [
      { flags: '--load-file <hex>', text: 'AID of the load file (default: found in the registry)' },
      { flags: '--load-module <hex>', text: 'AID of the module in it' },
      ...sessionOptions,
    ],
    async run(step) {
      const aid = requireAid(step.argument(0), 'AID')
      const [loadFile, module] = [aidOf(step, 'load-file'), aidOf(step, 'load-module')]
      if (module !== undefined && loadFile === undefined)
        throw new UsageError('--load-module needs --load-file')
      const outcome = await inSession(step, (session) =>
        createDomain(session, { aid, ...(loadFile && { loadFile }), ...(module && { module }) }),
      )
      return report(
        { aid, outcome },
        outcome === 'created'
          ? `The card has the security domain ${encodeHex(aid)}.`
          : `The security domain ${encodeHex(aid)} was there already.`,
      )
    },
  })

  context.verb(gp, {
    name: 'delete [aid]',
    summary: 'delete an application, a domain, a load file, or keys',
    about:
      'Deletes what AID names, or the keys that --delete-key-version and --delete-key-id name. SCP03 keys go as a set, by their version. What is deleted is gone for good.',
    examples: [
      'gp delete A00000015153504102 --reader ACS --keys card.keys',
      'gp delete A0000006472F00 --with-applications --reader ACS --keys card.keys',
      'gp delete --delete-key-version 2 --reader ACS --keys card.keys',
    ],
    module: 'required',
    options: [
      { flags: '--with-applications', text: 'a load file together with the applications made from it' },
      { flags: '--delete-key-version <number>', text: 'version of the keys to delete' },
      { flags: '--delete-key-id <number>', text: 'identifier of the key to delete: 0x13' },
      { flags: '--even-last', text: 'delete the last key too (YubiKey)' },
      ...sessionOptions,
    ],
    run: deleteOne,
  })

  context.verb(gp, {
    name: 'lock [aid]',
    summary: 'lock an application or domain, or the card',
    about:
      'Locks what AID names, so that it cannot be selected; `gp unlock` takes it back. With --card the whole card is locked: only its issuer security domain answers then. A card must be SECURED before it can be locked.',
    examples: [
      'gp lock A0000006472F0001 --reader ACS --keys card.keys',
      'gp lock --card --reader ACS --keys card.keys',
    ],
    module: 'required',
    options: [
      { flags: '--card', text: 'the card' },
      { flags: '--with-content', text: 'a security domain together with all that belongs to it' },
      ...sessionOptions,
    ],
    run: (step) => setLock(step, true),
  })

  context.verb(gp, {
    name: 'unlock [aid]',
    summary: 'unlock an application or domain, or the card',
    about: 'Takes back what `gp lock` did. An application returns to the state that it had.',
    examples: [
      'gp unlock A0000006472F0001 --reader ACS --keys card.keys',
      'gp unlock --card --reader ACS --keys card.keys',
    ],
    module: 'required',
    options: [
      { flags: '--card', text: 'the card' },
      { flags: '--with-content', text: 'a security domain together with all that belongs to it' },
      ...sessionOptions,
    ],
    run: (step) => setLock(step, false),
  })

  context.verb(gp, {
    name: 'advance <state>',
    summary: 'move a card to INITIALIZED or SECURED',
    about:
      'Moves the card’s life on: op-ready to initialized, initialized to secured. There is no way back; nothing here terminates a card.',
    examples: ['gp advance initialized --reader ACS --keys card.keys'],
    module: 'required',
    options: sessionOptions,
    async run(step) {
      const state = step.argument(0)
      if (state !== 'initialized' && state !== 'secured')
        throw new UsageError('expected initialized or secured')
      await inSession(step, (session) => setCardState(session, state))
      return report({ state }, `The card is ${state}.`)
    },
  })
}

async function deleteOne(step: Step): Promise<Report> {
  const [name] = step.arguments
  const keyVersion = byteOf(step, 'delete-key-version')
  const keyId = byteOf(step, 'delete-key-id')
  const keys = keyVersion !== undefined || keyId !== undefined
  if ((typeof name === 'string') === keys) {
    throw new UsageError('name an AID, or keys by --delete-key-version and --delete-key-id')
  }
  if (typeof name === 'string') {
    if (step.flag('even-last')) throw new UsageError('--even-last belongs to keys')
    const aid = requireAid(name, 'AID')
    await inSession(step, (session) =>
      deleteContent(session, { aid, related: step.flag('with-applications') }),
    )
    return report({ deleted: { aid } }, `${encodeHex(aid)} is deleted.`)
  }
  const which = { ...(keyId !== undefined && { keyId }), ...(keyVersion !== undefined && { keyVersion }) }
  await inSession(step, (session) => deleteKeys(session, { ...which, evenLast: step.flag('even-last') }))
  const parts = [
    ...(keyId === undefined ? [] : [`identifier ${hexByte(keyId)}`]),
    ...(keyVersion === undefined ? [] : [`version ${hexByte(keyVersion)}`]),
  ]
  return report({ deleted: which }, `The keys of ${parts.join(' and ')} are deleted.`)
}

async function setLock(step: Step, locked: boolean): Promise<Report> {
  const [name] = step.arguments
  const card = step.flag('card')
  if ((typeof name === 'string') === card) throw new UsageError('name an AID, or --card')
  const done = locked ? 'locked' : 'unlocked'
  if (typeof name !== 'string') {
    if (step.flag('with-content')) throw new UsageError('--with-content belongs to a security domain')
    await inSession(step, (session) => setCardState(session, locked ? 'card-locked' : 'secured'))
    return report({ card: done }, `The card is ${done}.`)
  }
  const aid = requireAid(name, 'AID')
  await inSession(step, (session) =>
    setLocked(session, { aid, locked, withContent: step.flag('with-content') }),
  )
  return report({ aid, state: done }, `${encodeHex(aid)} is ${done}.`)
}
