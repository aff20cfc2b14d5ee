export { initKey, signingKey } from './key.ts'
export { type Given, type Personalized, type PersonalizeInput, personalize } from './personalize.ts'
export { type PersonalizationRecord, parseRecord, readRecords } from './record.ts'
export { type Request, type RequestInput, request } from './request.ts'
