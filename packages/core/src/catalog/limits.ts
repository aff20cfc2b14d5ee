/** Failed UNLOCK tries of a chip (D3); a success gives them back. */
export const unlockTries = 64

/** Times that a failed CAS leaves R standing (key-download.md, 8.1). */
export const checkTries = 16

/** Events that a module keeps to be read again. */
export const eventsKept = 64
