import type { Response } from '@sealwright/core/apdu'
import { DecodeError, StateError } from '@sealwright/core/errors'
import {
  type DomainData,
  isCaKeyIdentifier,
  keyTypes,
  parseDomainData,
  parseStoreDataForm,
  type StoreDataForm,
} from '@sealwright/core/globalplatform'
import { Refusal } from '../dispatch/refusal.ts'
import { applicationSelection } from '../dispatch/selection.ts'
import type { Transaction } from '../eeprom/index.ts'
import type { Call, Parts } from '../parts.ts'
import { issuerDomain, keyReference } from '../registry/index.ts'
import { recordContent, recordDomainKeys, requireFreeAid } from '../security-domain/index.ts'

/**
 * STORE DATA (GlobalPlatform 2.3.1, 11.11; Amendment F, 7.1): P1 = form, P2 = number of the block. To the selected security domain, or to what INSTALL
 * [for personalization] has named: an application gets the commands as they are.
 */
export function storeData(parts: Parts, call: Call): Uint8Array | Response {
  const { pendingContent, registry, programs } = parts
  const form = formOf(call.p1)
  const target = registry.find(pendingContent.personalized ?? registry.selected)
  if (target === undefined) throw new Refusal('conditions-not-satisfied')
  if (target.form === 'application') {
    return programs.application(applicationSelection(target.number), { ...call, cla: 0x80 }, call.channel)
  }
  if (form.encryption !== 'none' || form.structure === 'dgi') throw new Refusal('function-not-supported')
  const content = collected(parts, call, form)
  if (content !== undefined) store(parts, target.number, parseDomainData(content))
  return new Uint8Array(0)
}

function formOf(p1: number): StoreDataForm {
  try {
    return parseStoreDataForm(p1)
  } catch (error) {
    if (error instanceof DecodeError) throw new Refusal('wrong-parameters')
    throw error
  }
}

function collected(
  { pendingContent }: Parts,
  { p2, data }: Call,
  { last }: StoreDataForm,
): Uint8Array | undefined {
  try {
    return pendingContent.data(p2).add({ last, number: p2, data })
  } catch (error) {
    if (error instanceof StateError) throw new Refusal('conditions-not-satisfied')
    throw error
  }
}

function store(parts: Parts, domain: number, data: DomainData): void {
  const { domainData, nvm, registry, life } = parts
  const write = (work: (tx: Transaction) => void): void => nvm.transaction(work)
  switch (data.kind) {
    case 'ca-identifier': {
      const reference = existing(parts, domain, data.key)
      const kind = data.ca === 'klcc' ? 'module-authority' : 'authority'
      write((tx) => {
        domainData.put(tx, domain, kind, reference, data.identifier)
        recordDomainKeys(parts, tx, domain)
      })
      break
    }
    case 'certificates': {
      const reference = existing(parts, domain, data.key)
      write((tx) => {
        domainData.put(tx, domain, 'certificates', reference, data.certificates)
        recordDomainKeys(parts, tx, domain)
      })
      break
    }
    case 'allow-list': {
      // A counter that retires scripts (tag 92) would have to be checked at every use of the list.
      if (data.counter !== undefined) throw new Refusal('function-not-supported')
      const reference = existing(parts, domain, data.key)
      write((tx) => {
        domainData.putAllowed(tx, domain, reference, data.serialNumbers)
        recordDomainKeys(parts, tx, domain)
      })
      break
    }
    case 'rename': {
      if (domain !== issuerDomain || !life.plain) throw new Refusal('conditions-not-satisfied')
      requireFreeAid(parts, data.aid)
      write((tx) => {
        registry.rename(tx, data.aid)
        recordContent(parts, tx, data.aid, registry.issuer().state)
      })
      break
    }
    case 'object': {
      const { tag, value } = data.object
      if (tag !== 0x42 && tag !== 0x45) throw new Refusal('wrong-data')
      // Who a module of ours is, its issuer and its serial number, was settled when it was made.
      if (domain === issuerDomain && !life.plain) throw new Refusal('conditions-not-satisfied')
      if (value.length < 1 || value.length > 16) throw new Refusal('wrong-data')
      write((tx) => {
        domainData.put(tx, domain, 'data', tag, value)
        const { aid, state } = registry.find(domain)!
        recordContent(parts, tx, aid, state)
      })
    }
  }
}

/** The reference of a key that is there and can have what is stored for it: a key pair, or a CA's public key. */
function existing(
  { domainKeys }: Parts,
  domain: number,
  { keyId, keyVersion }: { readonly keyId: number; readonly keyVersion: number },
): number {
  const key = domainKeys.find(domain, keyVersion, keyId)
  if (key === undefined || (key.type !== keyTypes['ec-private'] && !isCaKeyIdentifier(keyId))) {
    throw new Refusal('reference-not-found')
  }
  return keyReference(keyId, keyVersion)
}
