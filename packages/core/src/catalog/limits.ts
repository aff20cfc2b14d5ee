/** Failed UNLOCK tries of a chip (D3); a success gives them back. */
export const unlockTries = 64

/** Times that a failed CAS leaves R standing (key-download.md, 8.1). */
export const checkTries = 16

/** Events that a module keeps to be read again. */
export const eventsKept = 64

/** Orders that a signing card keeps at a time; one more takes the place of the oldest. */
export const ordersKept = 16

/** How long after the time of an order an approval of it may end, in seconds: 7 days. It bounds how far back a time can be put. */
export const longestApproval = 7 * 86_400
