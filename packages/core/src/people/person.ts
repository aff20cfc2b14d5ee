import type { ApprovableAction, Duty } from '../catalog/index.ts'

/** One enrolled person, as a roster states it. */
export interface Person {
  /** Name tag, see `isPersonId`. */
  readonly id: string
  /** Public key of the person's own device, 65 bytes. */
  readonly point: Uint8Array
  /** In the order of the catalog, at least one. */
  readonly duties: readonly Duty[]
  /** Actions that the person may ask for or approve, in the order of the catalog, at least one. */
  readonly actions: readonly ApprovableAction[]
  /** When the person's approvals ended to count, seconds since 1970; absent while they count. */
  readonly revoked?: number
}

/**
 * Whether a text is a name tag: 1 to 32 of a–z, 0–9, dot, hyphen and underscore, the first a letter or digit. Nothing else is taken, so that
 * no letter of another script, no case and no accent makes two tags that read alike.
 */
export function isPersonId(text: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,31}$/.test(text)
}

/** What is left of a tag when characters that read alike are one: two tags with the same answer are hard to tell apart. */
export function readsAs(id: string): string {
  return id
    .replaceAll(/[._-]/g, '')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replaceAll('cl', 'd')
    .replaceAll('0', 'o')
    .replaceAll(/[1i]/g, 'l')
    .replaceAll('5', 's')
}
