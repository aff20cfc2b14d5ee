import { RefusedError } from '@sealwright/core/errors'

/** What status words mean at a card of GlobalPlatform (GPC 2.3.1, tables of chapter 11). */
const meanings: Readonly<Record<number, string>> = {
  25088: 'the application that was selected is not ready',
  25219: 'the card is locked',
  25344: 'the card did not accept the proof of the host: other keys, or the wrong certificate',
  25360: 'more answers follow',
  25600: 'the card could not do it, for no reason that it tells',
  25985: "the card's memory failed",
  26176: 'the card did not accept the certificate: another authority, or its signature is wrong',
  26177: "the certificate's serial number is not on the card's allow-list",
  26368: 'the length of the command is wrong for this card',
  26753: 'the card has no such logical channel',
  26754: 'the card takes no secure messaging here',
  26756: 'the card takes no command chaining',
  27010: 'the session does not allow it, or was ended by the card',
  27011: 'the tries of this key are used up',
  27013: 'not allowed in this state of the card, or of what it is about',
  27264: 'the card does not take these data',
  27265: 'the card does not do this, or is locked',
  27266: 'there is no such application on the card',
  27268: 'the card has no memory left',
  27270: 'the card does not know this form of the command',
  27272: 'the card has nothing of this name: no such key, data object or entry',
  27904: 'the card does not know this command',
  28160: 'the card does not know this class of commands',
  38020: 'the card does not know this algorithm',
  38021: "a key's check value is wrong",
}

/** The refusal of a card inside a session. One that proves the card alone lets a host read at most. */
export function refusedInSession(kind: string, command: string, sw: number): RefusedError {
  const note = 'SCP11b proves the card only, and this needs a host that is known: --scp11 a or c, or SCP03'
  return refusedByCard(command, sw, kind === 'scp11b' && sw === 0x6982 ? note : undefined)
}

/** The refusal of a card: what it means; its code names the next step. */
export function refusedByCard(command: string, sw: number, note?: string): RefusedError {
  const word = hex(sw)
  const meaning = note ?? meanings[sw]
  return new RefusedError(sw, `the card refused ${command} with ${word}${meaning ? `: ${meaning}` : ''}`, {
    code: 'card-refused',
    details: { command, statusWord: word },
  })
}

function hex(sw: number): string {
  return sw.toString(16).toUpperCase().padStart(4, '0')
}
