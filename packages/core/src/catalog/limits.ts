/** UNLOCK tries of a chip's whole life (D3). */
export const unlockTries = 64

/** Times that a failed CAS leaves R standing (key-download.md, 8.1). */
export const checkTries = 16
