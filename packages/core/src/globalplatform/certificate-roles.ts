/**
 * What the holder of a certificate of SCP11 is, by the object identifier in its certificate policies (Amendment F, 6.2). KLOC: the chain of
 * off-card entities. KLCC: the chain of cards.
 */
export const oceRoles = {
  'ca-kloc': { policy: 20, authority: true, meaning: 'authority for off-card entities' },
  'ca-klcc': { policy: 30, authority: true, meaning: 'authority for cards' },
  'ka-kloc': { policy: 40, authority: true, meaning: 'authority below ca-kloc' },
  'ka-klcc': { policy: 50, authority: true, meaning: 'authority below ca-klcc' },
  sd: { policy: 10, authority: false, meaning: 'security domain' },
  oce: { policy: 0, authority: false, meaning: 'off-card entity' },
} as const satisfies Record<string, { policy: number; authority: boolean; meaning: string }>

export type OceRole = keyof typeof oceRoles

const arc = '1.2.840.114283.100.0.10.2.1'

export function policyOf(role: OceRole): string {
  return `${arc}.${oceRoles[role].policy}`
}

/** The role that one of the policies names. An authority's certificate names those of its holders too: the first of the table counts. */
export function roleOfPolicies(policies: readonly string[]): OceRole | undefined {
  return (Object.keys(oceRoles) as OceRole[]).find((role) => policies.includes(policyOf(role)))
}
