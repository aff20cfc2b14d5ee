import type { KeyVault, VaultKind } from '@sealwright/roles/ports'

/**
 * A vault that is opened when it is first used: who needs no key is asked for no PIN. What failed to open is not tried again: a
 * token counts wrong PINs.
 */
export function lazyVault(place: VaultKind, open: () => Promise<KeyVault>): KeyVault {
  let opening: Promise<KeyVault> | undefined
  const opened = (): Promise<KeyVault> => {
    opening ??= open()
    return opening
  }
  return {
    place,
    createPair: async (...args) => (await opened()).createPair(...args),
    publicPoint: async (...args) => (await opened()).publicPoint(...args),
    sign: async (...args) => (await opened()).sign(...args),
    agree: async (...args) => (await opened()).agree(...args),
    createSecret: async (...args) => (await opened()).createSecret(...args),
    importSecret: async (...args) => (await opened()).importSecret(...args),
    useSecret: async (name, use) => (await opened()).useSecret(name, use),
    mac: async (...args) => (await opened()).mac(...args),
    has: async (...args) => (await opened()).has(...args),
    list: async (...args) => (await opened()).list(...args),
    remove: async (...args) => (await opened()).remove(...args),
  }
}
