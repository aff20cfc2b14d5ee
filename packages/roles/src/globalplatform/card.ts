import { type CommandFields, command, exchange, isWarning, type Response } from '@sealwright/core/apdu'
import { DecodeError } from '@sealwright/core/errors'
import {
  type FileControlInformation,
  longestData,
  parseFileControlInformation,
  valueOfAnswer,
} from '@sealwright/core/globalplatform'
import type { Clock, Crypto, Entropy, Transport } from '@sealwright/core/ports'
import { refusedByCard } from './status-words.ts'

/** What the host side of a card needs besides the line to it. */
export interface CardPorts {
  readonly crypto: Crypto
  readonly entropy: Entropy
  readonly clock: Clock
  /** One line for the person who waits. */
  progress(text: string): void
}

/** Where commands go: to the card as they are, or protected in a session. */
export interface CardLine {
  /** The answer, whatever its status word. The answer's data is always asked for. */
  exchange(fields: CommandFields): Promise<Response>
}

/** Commands without protection. */
export function plainLine(transport: Transport): CardLine {
  return { exchange: (fields) => exchange(transport, command({ le: 0x100, ...fields })) }
}

/** A security domain that answers. */
export interface SelectedDomain {
  /** What was asked for, or what the card calls it; undefined where it does not say. */
  readonly aid: Uint8Array | undefined
  readonly information: FileControlInformation | undefined
  /** The card is locked: only its issuer security domain answers. */
  readonly locked: boolean
  /** Longest data field of a short command. */
  readonly longestData: number
}

/**
 * Selects a security domain, which ends any session.
 * @param aid left out: the issuer security domain, by SELECT without AID or, where a card does not take that, by the usual AIDs
 */
export async function selectDomain(transport: Transport, aid?: Uint8Array): Promise<SelectedDomain> {
  const names = aid ? [aid] : [undefined, ...issuerDomains]
  let refused = 0
  for (const [i, name] of names.entries()) {
    const select: CommandFields = { cla: 0x00, ins: 0xa4, p1: 0x04, ...(name && { data: name }) }
    let { data, sw } = await plainLine(transport).exchange(select)
    // A chain of segments that was broken off takes the first command with it.
    if (i === 0 && !isSelected(sw)) ({ data, sw } = await plainLine(transport).exchange(select))
    if (!isSelected(sw)) {
      refused ||= sw
      continue
    }
    const information = informationOf(data)
    return {
      aid: information?.aid ?? name,
      information,
      locked: sw === 0x6283,
      longestData: Math.min(0xff, (information && longestData(information)) || 0xff),
    }
  }
  throw refusedByCard('SELECT', refused)
}

function isSelected(sw: number): boolean {
  return sw === 0x9000 || sw === 0x6283
}

/** GlobalPlatform's own AID, and that of Visa's older cards. */
const issuerDomains = [
  Uint8Array.of(0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00),
  Uint8Array.of(0xa0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00),
]

/** Some cards answer nothing, or a form of their own: what cannot be read is as if it were not there. */
function informationOf(data: Uint8Array): FileControlInformation | undefined {
  return readable(() => parseFileControlInformation(data))
}

/**
 * The value of a data object, undefined when the card does not give it. Cards answer with CLA 80 or with CLA 00, the whole object or its
 * value; either is taken.
 */
export async function readDataObject(
  line: CardLine,
  tag: number,
  data?: Uint8Array,
): Promise<Uint8Array | undefined> {
  for (const cla of [0x80, 0x00]) {
    const answer = await line.exchange({
      cla,
      ins: 0xca,
      p1: tag >>> 8,
      p2: tag & 0xff,
      ...(data && { data }),
    })
    if (isProcessed(answer.sw)) return answer.data.length > 0 ? valueOfAnswer(tag, answer.data) : undefined
    // A session may be gone after a refusal of this kind; asking again would only be refused again.
    if (answer.sw === 0x6982 || answer.sw === 0x6985) return undefined
  }
  return undefined
}

/** What `read` makes of a card's bytes; undefined when they are not as the standard has them. */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** 9000, or a warning: the command was done. */
export function isProcessed(sw: number): boolean {
  return sw === 0x9000 || isWarning(sw)
}
