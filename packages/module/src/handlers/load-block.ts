import { u16, wipe } from '@sealwright/core/bytes'
import { withHandle } from '@sealwright/core/crypto'
import { blockBelongs, openBlock, parseLoadBlock } from '@sealwright/core/resources'
import { Refusal } from '../dispatch/refusal.ts'
import type { Call, Parts } from '../parts.ts'
import { blockLength, blocksOf, blockTargets, heldPackageKey, withBlock } from '../resources/index.ts'

type Needs = Pick<Parts, 'crypto' | 'nvm' | 'ram' | 'definitions'>

/**
 * LOAD BLOCK: checks one block against the root in the manifest, decrypts it and writes it, with its bit, in one transaction. Blocks
 * come in any order; one that is there already changes nothing. Answers how many are missing (2).
 */
export function loadBlock(
  { crypto, nvm, ram, definitions }: Needs,
  { data, channel }: Pick<Call, 'data' | 'channel'>,
): Uint8Array {
  const definition = definitions.find(channel?.resource ?? 0)
  const pending = definition?.pending
  if (definition?.state !== 'active' || pending === undefined) throw new Refusal('conditions-not-satisfied')
  const held = heldPackageKey(ram, pending.manifest)
  if (held === undefined) throw new Refusal('conditions-not-satisfied')
  const block = parseLoadBlock(data)
  const { index } = block
  const have = blocksOf(pending)
  if (!blockBelongs(crypto, block, { blocks: have.length, root: pending.root }))
    throw new Refusal('wrong-data')
  const missing = have.filter((there) => !there).length
  if (have[index] === true) return u16(missing)
  const content = withHandle(crypto.aes(held), (key) => openBlock(key, pending, index, block.block))
  if (content === undefined || content.length !== blockLength(pending, index)) throw new Refusal('wrong-data')
  try {
    nvm.transaction((tx) => {
      for (const { address, bytes } of blockTargets(pending, index, content)) tx.write(address, bytes)
      definitions.put(tx, { ...definition, pending: withBlock(pending, index) })
    })
  } finally {
    wipe(content)
  }
  return u16(missing - 1)
}
