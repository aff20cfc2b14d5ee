import { diversifyByMac } from '@sealwright/core/crypto'
import { derivationInput, type Suite, suiteRow } from '@sealwright/core/key-download'
import type { KeyVault } from '../ports/index.ts'

/** A key of one module, made by AN10922 where the key that it comes from lies: that one is not lent. The caller wipes the result. */
export function unitKeyInside(
  vault: KeyVault,
  name: string,
  {
    suite,
    serial,
    label,
  }: {
    readonly suite: Suite
    readonly serial: Uint8Array
    readonly label: Parameters<typeof derivationInput>[0]
  },
): Promise<Uint8Array> {
  return diversifyByMac(suiteRow(suite).keyLength, derivationInput(label, serial), (...parts) =>
    vault.mac(name, ...parts),
  )
}

/** Whether a secret never leaves its place. */
export async function staysInside(vault: KeyVault, name: string): Promise<boolean> {
  try {
    await vault.useSecret(name, () => {})
    return false
  } catch (error) {
    if ((error as { code?: unknown }).code === 'key-stays-inside') return true
    throw error
  }
}
