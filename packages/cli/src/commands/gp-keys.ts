import { existsSync } from 'node:fs'
import { encodeHex, wipe } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import { keyIdentifiers, serializeKeySetFile, testOnlyScp03Key } from '@sealwright/core/globalplatform'
import { serializePublicKey } from '@sealwright/core/x509'
import { nodeEntropy } from '@sealwright/node/crypto'
import { generateKey, putKeys } from '@sealwright/roles/globalplatform'
import type { Command } from 'commander'
import { type Context, fields, type Report, report, type Step } from '../framework/index.ts'
import {
  byteOf,
  diversificationOf,
  hexByte,
  inSession,
  keySourceOf,
  sessionOptions,
  withCard,
} from './gp-session.ts'

export function registerKeys(gp: Command, context: Context): void {
  context.verb(gp, {
    name: 'put-keys',
    summary: 'give a card new SCP03 keys',
    about:
      'Puts ENC, MAC and DEK in one command, which a card takes as a whole or not at all, and opens a session with them. New keys are made and written to --new-keys before the card is touched, so that no cut line leaves a card with keys that nobody has; a file that is there already is used as it is. Broken off, run the same line again: it asks the card which keys it has, the new or the old ones, and goes on from there. After the factory’s set (FF) the new one has version 01; otherwise it takes the place of the session’s set, unless --new-version says another number.',
    reads: ['--new-keys FILE, if it is there: one key for all three, or ENC, MAC and DEK, in hex'],
    writes: [
      '--new-keys FILE, if it is not there: three random keys in hex, a line each, for you only (0600)',
    ],
    examples: [
      'gp put-keys --reader ACS --test-keys --new-keys card.keys',
      'gp put-keys --reader ACS --keys card.keys --new-keys next.keys --new-version 2 --replace',
      'gp put-keys --reader ACS --test-keys --new-keys master.key --new-diversify an10922',
      'gp put-keys --module card.chip --keys card.keys --back-to-test-keys',
    ],
    module: 'required',
    options: [
      { flags: '--new-keys <file>', text: 'the new keys; made and written if the file is not there' },
      { flags: '--new-version <number>', text: 'their version, 1 to 127' },
      { flags: '--new-length <bytes>', text: 'length of keys that are made: 16 (default), 24 or 32' },
      {
        flags: '--new-diversify <method>',
        text: 'FILE is a master key, and the card gets keys of its own',
        choices: ['kdf3', 'an10922'],
      },
      { flags: '--replace', text: 'the set of this session goes, also when --new-version is another number' },
      {
        flags: '--back-to-test-keys',
        text: 'put the published default key 404142…4F, for test cards: everybody has it',
      },
      ...sessionOptions,
    ],
    run: putNewKeys,
  })

  context.verb(gp, {
    name: 'generate-key',
    summary: 'have a card make its own key for SCP11',
    about:
      'Has the card make a P-256 pair for SCP11a, b or c and writes the public key. The private key never leaves the card. The command is Yubico’s: YubiKeys and our modules have it. Give the key a certificate with `gp certificates store`.',
    writes: ['--out FILE: the public key as PEM'],
    examples: ['gp generate-key --reader Yubico --test-keys --for b --new-version 2 --out card.pub.pem'],
    module: 'required',
    options: [
      { flags: '--for <variant>', text: 'the variant of SCP11', required: true, choices: ['a', 'b', 'c'] },
      { flags: '--new-version <number>', text: 'its version, 1 to 127 (default: 1)' },
      { flags: '--replace-version <number>', text: 'the key of this version goes' },
      { flags: '--out <file>', text: 'the public key', required: true },
      ...sessionOptions,
    ],
    async run(step) {
      const keyId = keyIdentifiers[`scp11${step.option('for') as 'a' | 'b' | 'c'}`]
      const keyVersion = byteOf(step, 'new-version') ?? 1
      const replace = byteOf(step, 'replace-version')
      const point = await inSession(step, (session, { listedKeys }) =>
        generateKey(session, { keyId, keyVersion, listedKeys, ...(replace !== undefined && { replace }) }),
      )
      step.replaceFile(step.option('out'), publicKeyFile(point))
      return report(
        { keyId, keyVersion, publicPoint: point },
        ...fields({
          key: `${hexByte(keyId)}/${hexByte(keyVersion)}`,
          'public point': encodeHex(point),
          'public key': step.option('out'),
        }),
      )
    },
  })
}

async function putNewKeys(step: Step): Promise<Report> {
  const newVersion = byteOf(step, 'new-version')
  const method = diversificationOf(step, 'new-diversify')
  const bytes = await newKeyBytes(step)
  try {
    const newKeys = keySourceOf(bytes, method, '--new-keys')
    const done = await withCard(step, ({ transport, ports, aid, openSession }) =>
      putKeys(transport, ports, {
        openSession,
        newKeys,
        diversified: method !== 'none',
        replaceSession: step.flag('replace'),
        s16: step.flag('s16'),
        ...(aid && { aid }),
        ...(newVersion !== undefined && { newKeyVersion: newVersion }),
      }),
    )
    const [enc, mac, dek] = done.checkValues.map(encodeHex)
    const source = step.flag('back-to-test-keys')
      ? 'the published test key: everybody has it'
      : step.option('new-keys')
    return report(
      { keyVersion: done.keyVersion, outcome: done.outcome, checkValues: { enc, mac, dek } },
      done.outcome === 'put'
        ? 'The card has the new keys; a session with them was opened.'
        : 'The card had the new keys already, from an earlier run; a session with them was opened.',
      ...fields({
        version: hexByte(done.keyVersion),
        'check value of ENC': enc,
        'check value of MAC': mac,
        'check value of DEK': dek,
        keys: source,
      }),
    )
  } finally {
    wipe(bytes)
  }
}

/** The new keys, which lie in a file before the card is touched. */
async function newKeyBytes(step: Step): Promise<Uint8Array> {
  const file = step.optional('new-keys')
  if (step.flag('back-to-test-keys')) {
    if (file !== undefined || step.optional('new-diversify') !== undefined) {
      throw new UsageError('--back-to-test-keys takes neither --new-keys nor --new-diversify')
    }
    return testOnlyScp03Key()
  }
  if (file === undefined) throw new UsageError('name a file for the new keys: --new-keys FILE')
  if (file === '-' || file.startsWith('fd:') || existsSync(step.path(file))) {
    return step.secret('new-keys', 'the new SCP03 keys')
  }
  if (step.optional('new-diversify') !== undefined) {
    throw new UsageError(`${file}: a master key is not made here: name the file that it lies in`, {
      code: 'file-missing',
    })
  }
  const length = step.number('new-length') ?? 16
  if (length !== 16 && length !== 24 && length !== 32)
    throw new UsageError('--new-length: expected 16, 24 or 32')
  const bytes = nodeEntropy.bytes(3 * length)
  const part = (i: number) => bytes.subarray(i * length, (i + 1) * length)
  const text = serializeKeySetFile({ enc: part(0), mac: part(1), dek: part(2) })
  try {
    step.writeSecretFile(file, text)
  } finally {
    wipe(text)
  }
  step.terminal.say(`new keys were made and lie in ${file}: keep it`)
  return bytes
}

function publicKeyFile(point: Uint8Array): Uint8Array {
  const base64 = Buffer.from(serializePublicKey(point)).toString('base64')
  const lines = base64.match(/.{1,64}/g) ?? []
  return new TextEncoder().encode(
    ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n'),
  )
}
