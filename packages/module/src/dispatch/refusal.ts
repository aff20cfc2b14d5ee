import type { StatusWord } from '@sealwright/core/catalog'

/** The module's answer to a command it does not carry out. Nothing has changed but what *Order of effects* names. */
export class Refusal extends Error {
  readonly status: StatusWord

  constructor(status: StatusWord) {
    super(status)
    this.name = 'Refusal'
    this.status = status
  }
}
