/** Ids of the objects of kind `signing-card`. */
export const objectIds = {
  /** MAKE UNIT KEY's data. */
  order: 0,
  /** Its answer. */
  answer: 1,
  /** Number of the log's last entry, and the log after it. */
  logHead: 2,
  /** Documents in force, as they came. */
  roster: 3,
  ticket: 4,
  acknowledgement: 5,
  /** Certificates made under the ticket in force. */
  used: 6,
} as const
