import { ascii, decodeHex, encodeHex, wipe } from '@sealwright/core/bytes'
import { refuseTestKey } from '@sealwright/core/crypto'
import { UsageError } from '@sealwright/core/errors'
import { certificateToPem } from '@sealwright/core/x509'
import { makeCardProof, type PlainKeys } from '@sealwright/module/profile'
import { makePlainChip } from '@sealwright/node/chips'
import { nodeCrypto, nodeEntropy, systemClock } from '@sealwright/node/crypto'
import type { Command } from 'commander'
import { type Context, fields, keyBesideChip, report, requireSerial, type Step } from '../framework/index.ts'

export function registerNew(module: Command, context: Context): void {
  context.verb(module, {
    name: 'new',
    summary: 'make a plain GlobalPlatform card as a chip file',
    about:
      'Makes a module for those who want a GlobalPlatform card and nothing else: issuer security domain A000000151000000, OP_READY, SCP03 with i = 70 and SCP11, ready for `sealwright module run FILE --vpcd` and for gp, ykman and `sealwright gp`. With --test it is a test module for good: it has the published key set (version FF, 40 41 … 4F for all three), takes known test keys, and goes back to them when every key of it is blocked. Without --test it gets the key set that --keys names. It is made whole or not at all. Modules that our own flows customize are made with `issuer mask` and `manufacturer produce`.',
    reads: ['--keys FILE: ENC, MAC and DEK one behind the other, 48, 72 or 96 bytes (hex or binary)'],
    writes: [
      'FILE: the chip, sealed (0600)',
      'FILE.key, or --chip-key FILE: what opens it (0600)',
      '--root-out FILE: the root certificate above the CA in the card, PEM: what `gp --card-ca` takes',
    ],
    examples: [
      'module new --profile globalplatform --test --out card.chip',
      'module new --profile globalplatform --keys card.keys --key-version 1 --out card.chip',
    ],
    options: [
      {
        flags: '--profile <name>',
        text: 'what kind of module',
        required: true,
        choices: ['globalplatform'],
      },
      { flags: '--out <file>', text: 'the chip file to make', required: true },
      { flags: '--test', text: 'a test module, with the published keys' },
      { flags: '--keys <file>', text: 'its first SCP03 key set, where it is no test module' },
      { flags: '--key-version <n>', text: 'version of that set, 1 to 127 (default 1)' },
      { flags: '--serial <hex>', text: 'serial number, 16 hex digits (default: a random one)' },
      { flags: '--chip-key <file>', text: 'where its chip key goes (default: beside it, FILE.key)' },
      { flags: '--root-out <file>', text: 'write the root certificate of the card' },
    ],
    run: makeNew,
  })
}

async function makeNew(step: Step) {
  const test = step.flag('test')
  if (test === (step.optional('keys') !== undefined)) {
    throw new UsageError('name one of --test, for the published keys, and --keys FILE')
  }
  const serial = step.optional('serial') === undefined ? randomSerial() : requireSerial(step.option('serial'))
  const version = step.number('key-version') ?? 1
  if (version < 1 || version > 0x7f) throw new UsageError('--key-version: expected 1 to 127')
  const set = test ? undefined : await step.secret('keys', 'ENC, MAC and DEK')
  try {
    const keys = set === undefined ? ('test' as const) : { version, keys: keySet(set) }
    const now = systemClock.now()
    const validity = { notBefore: now - day, notAfter: now + 20 * 365 * day }
    const { proof, root } = makeCardProof({ crypto: nodeCrypto, entropy: nodeEntropy }, serial, validity)
    const file = step.option('out')
    try {
      const parts = { serial, issuer, keys, proof, domains: [visitingCard] }
      const options = { keys: step.newChipKeys(), say: (text: string) => step.terminal.say(text) }
      if (!makePlainChip(step.path(file), parts, options)) {
        throw new UsageError(`${file} is there already`, { code: 'file-exists' })
      }
    } finally {
      wipe(proof.authority, proof.pair)
    }
    const rootFile = step.optional('root-out')
    if (rootFile !== undefined) step.writeFile(rootFile, ascii(certificateToPem(root)))
    const made = { file, serial: encodeHex(serial), test, keyVersion: test ? 0xff : version }
    return report(
      { ...made, ...(rootFile === undefined ? {} : { root: rootFile }) },
      ...fields({
        file,
        serial: made.serial,
        keys: test ? 'version FF, the published 404142…4F: for tests only' : `version ${version}`,
        root: rootFile,
      }),
      '',
      `Put it into a reader: sealwright module run ${file} --vpcd`,
      keyBesideChip,
    )
  } finally {
    wipe(set)
  }
}

function keySet(bytes: Uint8Array): PlainKeys['keys'] {
  const length = bytes.length / 3
  if (![16, 24, 32].includes(length)) {
    throw new UsageError(`--keys: expected 48, 72 or 96 bytes, got ${bytes.length}`)
  }
  const key = (n: number) => bytes.subarray(n * length, (n + 1) * length)
  const keys = [key(0), key(1), key(2)] as const
  for (const one of keys) refuseTestKey(nodeCrypto, one, '--keys FILE')
  return keys
}

function randomSerial(): Uint8Array {
  const serial = nodeEntropy.bytes(8)
  serial[0]! |= 0x01
  return serial
}

const day = 86_400

/** Issuer identification (SIN) of a card that nobody has issued yet. */
const issuer = new Uint8Array(8)

/**
 * AID of FIDO, under which the card has an empty security domain. ykman lists only cards on which one of the applications that it knows can be
 * selected, and this is the one that other programs do not look for of themselves. No FIDO command answers.
 */
const visitingCard = decodeHex('A0000006472F0001')
