import { certificateIds, commandByEntry, commands } from '@sealwright/core/catalog'
import { InternalError } from '@sealwright/core/errors'
import { eraseCustomization, requireCustomizationSoftware } from '../customization/index.ts'
import { requireBare } from '../dispatch/bare-command.ts'
import { Refusal } from '../dispatch/refusal.ts'
import { requireLaterCustomization } from '../later-customization/index.ts'
import type { Call, Parts } from '../parts.ts'
import { isIdentical } from '../personalization/index.ts'
import { requireSoftware } from '../programs/index.ts'
import { issuerDomain } from '../registry/index.ts'
import { parseVectors, serializeVectors, type Vector } from '../rom/index.ts'
import { layFactorySet } from '../security-domain/index.ts'

type WipeParts = Pick<
  Parts,
  'crypto' | 'domainKeys' | 'events' | 'keys' | 'nvm' | 'objects' | 'otp' | 'programs' | 'ram' | 'serial'
>

/** FINISH: needs the identity certificate, unless the product's modules are identical. Ends in user mode, whatever the power does. */
export function finish(
  parts: WipeParts & Pick<Parts, 'compile' | 'rom'>,
  call: Pick<Call, 'p1' | 'p2' | 'data'>,
): Uint8Array {
  requireBare(call)
  requireCustomizationSoftware(parts)
  const { objects, nvm } = parts
  if (!isIdentical(objects) && objects.find('certificate', certificateIds.identity.id) === undefined) {
    throw new Refusal('conditions-not-satisfied')
  }
  requireSoftware(parts)
  requireLaterCustomization(parts)
  nvm.transaction((tx) => tx.setOtp('wipe-intent'))
  resumeWipe(parts)
  return new Uint8Array(0)
}

/** Carries a wipe that was begun to its end: FINISH, and every start. One OTP bit a step; each step may be repeated. */
export function resumeWipe(parts: WipeParts): void {
  const { otp, nvm, objects, events, crypto } = parts
  if (!otp.test('wipe-intent') || otp.test('mode-user')) return
  const serial = parts.serial()
  if (serial === undefined) throw new InternalError('a wipe on a chip without serial number')
  if (!otp.test('wipe-done')) {
    parts.programs.reset()
    nvm.transaction((tx) => {
      eraseCustomization(parts, tx)
      const vectors = parseVectors(objects.read('vector-table', 0) ?? new Uint8Array(0))
      const kept = vectors.filter(({ program, function: entry }) => program !== 0 || servesUser(entry))
      objects.put(tx, 'vector-table', 0, serializeVectors(kept))
      if (takesFactoryKeys(parts, kept)) layFactorySet(parts, tx)
    })
    nvm.transaction((tx) => tx.setOtp('wipe-done'))
  }
  nvm.transaction((tx) => {
    const vectors = objects.read('vector-table', 0) ?? new Uint8Array(0)
    events.record(tx, 'finished', serial, crypto.sha256(vectors))
    tx.setOtp('mode-user')
  })
}

/** A test module with security domains that customization gave no keys has the published ones. */
function takesFactoryKeys({ otp, domainKeys }: WipeParts, vectors: readonly Vector[]): boolean {
  const managed = vectors.some(
    ({ program, function: entry }) => program === 0 && entry === commands['PUT KEY'].entry,
  )
  return otp.test('test') && managed && domainKeys.sets(issuerDomain).length === 0
}

function servesUser(entry: number): boolean {
  const name = commandByEntry.get(entry)
  const modes: readonly string[] = name === undefined ? [] : commands[name].modes
  return modes.includes('user')
}
