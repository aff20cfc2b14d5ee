interface DocumentRow {
  /** Version of the format, the `v` of every payload. */
  readonly version: number
  /** Roles of certificates (x509/roles.ts), or `module`, `subscriber`, `person`. */
  readonly signedBy: readonly string[]
  readonly text: string
}

/**
 * Documents that outlive a session. The name gives the content type `application/vnd.sealwright.<name>+cbor`,
 * which stands in the protected header and so separates one kind of signed bytes from every other.
 */
export const documentTypes = {
  request: {
    version: 1,
    signedBy: ['supplier'],
    text: "a supplier's request for a resource, with the key that signs it",
  },
  'certificate-request': {
    version: 1,
    signedBy: ['unit', 'central-system'],
    text: 'asks for a certificate: role, name and the key that signs it, and a unit its customer',
  },
  subscription: {
    version: 1,
    signedBy: ['module', 'subscriber'],
    text: "a subscriber's request for a service, passed through the module",
  },
  reservation: { version: 1, signedBy: ['operator'], text: 'creates or renews a resource in one module' },
  activation: {
    version: 1,
    signedBy: ['operator', 'authority'],
    text: "gives the supplier the module's certificates, its receipt and the resource's identification",
  },
  block: { version: 1, signedBy: ['operator'], text: 'makes a resource unusable without erasing it' },
  release: { version: 1, signedBy: ['operator'], text: 'makes a reserved or blocked resource usable' },
  deletion: { version: 1, signedBy: ['operator'], text: 'erases a resource and its keys' },
  delegation: {
    version: 1,
    signedBy: ['authority', 'operator'],
    text: 'hands database or allocation to a third party',
  },
  withdrawal: { version: 1, signedBy: ['authority', 'operator'], text: 'ends a delegation' },
  manifest: {
    version: 1,
    signedBy: ['supplier'],
    text: 'describes a package: target, version, sizes, Merkle root',
  },
  'domain-key': { version: 1, signedBy: ['supplier'], text: "a domain's keys, sealed to one module's key" },
  token: { version: 1, signedBy: ['operator'], text: 'allows one content management command in a resource' },
  receipt: { version: 1, signedBy: ['module'], text: 'what a module did, with its event number and chain' },
  order: {
    version: 1,
    signedBy: ['manufacturer', 'unit', 'operator'],
    text: 'says which module is to be worked on',
  },
  ticket: {
    version: 1,
    signedBy: ['central-system'],
    text: 'how many modules a unit may personalize, and until when',
  },
  'enrolment-request': {
    version: 1,
    signedBy: ['person'],
    text: "asks for a person's enrolment: name tag and the key that signs it",
  },
  roster: {
    version: 1,
    signedBy: ['central-system'],
    text: 'all persons who are enrolled, with their duties; it replaces the one before',
  },
  approval: { version: 1, signedBy: ['person'], text: "one person's consent to an action on an object" },
  'log-acknowledgement': {
    version: 1,
    signedBy: ['central-system'],
    text: 'the central system has taken the log of a signing card up to an entry',
  },
  'pin-reset': {
    version: 1,
    signedBy: ['central-system'],
    text: 'lets a person try a PIN again at one machine, or be forgotten there',
  },
  transfer: { version: 1, signedBy: ['unit'], text: 'releases a module to another customer' },
  disabling: {
    version: 1,
    signedBy: ['central-system'],
    text: 'no session under this key any more, or again: one link of the chain that its signer keeps',
  },
  entry: {
    version: 1,
    signedBy: [
      'issuer',
      'mounter',
      'manufacturer',
      'unit',
      'loader',
      'operator',
      'supplier',
      'central-system',
    ],
    text: "one step in a module's life, as the party that did it states it",
  },
} as const satisfies Record<string, DocumentRow>

export type DocumentName = keyof typeof documentTypes

/** The content type that stands in the protected header of such a document. */
export function contentType(name: DocumentName): string {
  return `application/vnd.sealwright.${name}+cbor`
}

export function documentOfContentType(text: string): DocumentName | undefined {
  return (Object.keys(documentTypes) as DocumentName[]).find((name) => contentType(name) === text)
}
