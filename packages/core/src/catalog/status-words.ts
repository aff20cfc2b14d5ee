/** Every status word a module answers, with what it means here and the next step (ISO/IEC 7816-4; GlobalPlatform 2.3.1). */
export const statusWords = {
  success: { sw: 0x9000, meaning: 'done', remedy: 'nothing to do' },
  'card-locked': {
    sw: 0x6283,
    meaning: 'selected, but the card is locked',
    remedy: 'unlock the card with SET STATUS from its issuer security domain',
  },
  'authentication-refused': {
    sw: 0x6300,
    meaning: 'the host cryptogram is wrong',
    remedy: 'check the key set and its diversification',
  },
  'memory-failure': {
    sw: 0x6581,
    meaning: 'the non-volatile memory did not take a write, or does not hold what was written',
    remedy: 'power the module up again; if it stays, discard it',
  },
  'wrong-length': {
    sw: 0x6700,
    meaning: 'the length of the command is wrong',
    remedy: 'compare the data field with the SPEC',
  },
  'certificate-not-verified': {
    sw: 0x6640,
    meaning: 'the certificate of the off-card entity does not verify',
    remedy: 'send the whole chain, from the one that the stored CA key has signed down to the leaf',
  },
  'certificate-not-allowed': {
    sw: 0x6641,
    meaning: 'the serial number of the certificate does not stand in the allow-list',
    remedy: 'have the holder of the security domain put it there with STORE DATA',
  },
  'secure-messaging-not-supported': {
    sw: 0x6882,
    meaning: 'secure messaging is not possible here',
    remedy: 'open a channel first',
  },
  'security-not-satisfied': {
    sw: 0x6982,
    meaning: 'the command needs a channel that is not open, or its MAC is wrong; the channel is closed',
    remedy: 'open the channel that the command table names and try again',
  },
  blocked: {
    sw: 0x6983,
    meaning: 'the tries are used up',
    remedy:
      'a chip: discard it and report its serial number; a key set of a test module: wait for the factory keys',
  },
  'conditions-not-satisfied': {
    sw: 0x6985,
    meaning: 'not in this state, or out of order',
    remedy: 'see the state with `sealwright module show`',
  },
  'check-failed': {
    sw: 0x6988,
    meaning: 'the certificate over the data (CAS) is wrong; nothing was decrypted',
    remedy: 'ask the loader for a message made for this module and this random number',
  },
  'wrong-data': {
    sw: 0x6a80,
    meaning: 'the data field is not what it must be',
    remedy: 'check the data with `sealwright inspect`',
  },
  'function-not-supported': {
    sw: 0x6a81,
    meaning: 'the module does not do this',
    remedy: 'see its commands with `sealwright module show`',
  },
  'application-not-found': {
    sw: 0x6a82,
    meaning: 'no application or file of this name',
    remedy: 'see the applications with `sealwright module show`',
  },
  'no-space': {
    sw: 0x6a84,
    meaning: 'no room in the memory',
    remedy: 'see the memory with `sealwright module map`',
  },
  'wrong-parameters': {
    sw: 0x6a86,
    meaning: 'P1 or P2 is wrong',
    remedy: 'compare the command with the SPEC',
  },
  'reference-not-found': {
    sw: 0x6a88,
    meaning: 'the key, place or object named does not exist',
    remedy: 'see the places with `sealwright module show`',
  },
  'already-there': {
    sw: 0x6a89,
    meaning: 'the place is taken, or the number was used',
    remedy: 'choose another place or a higher number',
  },
  'instruction-not-supported': {
    sw: 0x6d00,
    meaning: 'no vector names this instruction',
    remedy: 'see the commands with `sealwright module show`',
  },
  'class-not-supported': {
    sw: 0x6e00,
    meaning: 'the class byte is not supported',
    remedy: 'use class 80, or 84 inside a channel',
  },
  'internal-error': {
    sw: 0x6f00,
    meaning: 'the module found a defect of its own',
    remedy: 'report it with the trace',
  },
} as const satisfies Record<string, { sw: number; meaning: string; remedy: string }>

export type StatusWord = keyof typeof statusWords

/** The row for a status word on the wire, or undefined for one that no module of ours sends. */
export function statusWordName(sw: number): StatusWord | undefined {
  for (const [name, row] of Object.entries(statusWords)) if (row.sw === sw) return name as StatusWord
  return undefined
}
