import { equal, wipe } from '@sealwright/core/bytes'
import { UsageError } from '@sealwright/core/errors'
import type { AskKeysSecret, KeysSecretRequest } from '@sealwright/node/keys'
import { type PartyName, parties } from '@sealwright/roles/ports'
import { readSecretText } from './secret.ts'
import type { Terminal } from './terminal.ts'

/** Names the variable with the PIN or passphrase of a party's keys; with _PARTY behind it, of that party's alone. */
export const keysSecretVariable = 'SEALWRIGHT_KEYS_SECRET'

/**
 * Where PIN or passphrase of a party's keys come from: `--keys-secret PARTY=FILE`, then `--keys-secret FILE`, then the environment (of that party
 * first), then a person. What names no party is given to one token alone: another one would count it as a wrong PIN.
 * @param sources values of `--keys-secret`
 */
export function keysSecret(terminal: Terminal, sources: readonly string[]): AskKeysSecret {
  const named = new Map<PartyName, string>()
  let common: string | undefined
  for (const source of sources) {
    const [, party, file] = /^([a-z]+)=(.+)$/s.exec(source) ?? []
    if (party !== undefined && Object.hasOwn(parties, party)) named.set(party as PartyName, file!)
    else if (common === undefined) common = source
    else throw new UsageError('--keys-secret: name the party of each but one: PARTY=FILE')
  }
  let token: string | undefined
  let kept: Promise<Uint8Array> | undefined

  return async (request) => {
    const what = `${request.kind} of ${request.of} for the keys of ${request.party}`
    const own = named.get(request.party)
    if (own !== undefined) return readSecretText(terminal, own, what)
    const ownVariable = terminal.environment?.[`${keysSecretVariable}_${request.party.toUpperCase()}`]
    if (common === undefined && ownVariable) return new TextEncoder().encode(ownVariable)
    const variable = terminal.environment?.[keysSecretVariable] ?? ''
    if (common === undefined && variable === '') return ask(terminal, request, what)
    const of = request.kind === 'PIN' ? request.of.replace(/,.*/s, '') : 'passphrase'
    token ??= of
    if (token !== of) {
      throw new UsageError(`name the party of each PIN: --keys-secret ${request.party}=FILE`)
    }
    if (common === undefined) return new TextEncoder().encode(variable)
    // Standard input and descriptors are read once.
    kept ??= readSecretText(terminal, common, what)
    return (await kept).slice()
  }
}

async function ask(terminal: Terminal, { isNew }: KeysSecretRequest, what: string): Promise<Uint8Array> {
  if (terminal.askSecret === undefined) {
    throw new UsageError(`the ${what} is needed`, { code: 'keys-secret-missing' })
  }
  const first = await readSecretText(terminal, undefined, isNew ? `new ${what}` : what)
  if (!isNew) return first
  const second = await readSecretText(terminal, undefined, 'the same again')
  const same = equal(first, second)
  wipe(second)
  if (same) return first
  wipe(first)
  throw new UsageError('the two differ; nothing was made')
}
