// Status words that programs answer (ISO/IEC 7816-4).

// @ts-ignore: decorator
@inline export const SUCCESS: u32 = 0x9000;
/** The low four bits hold the tries that are left. */
// @ts-ignore: decorator
@inline export const TRIES_LEFT: u32 = 0x63c0;
// @ts-ignore: decorator
@inline export const WRONG_LENGTH: u32 = 0x6700;
// @ts-ignore: decorator
@inline export const SECURITY_NOT_SATISFIED: u32 = 0x6982;
// @ts-ignore: decorator
@inline export const BLOCKED: u32 = 0x6983;
// @ts-ignore: decorator
@inline export const CONDITIONS_NOT_SATISFIED: u32 = 0x6985;
// @ts-ignore: decorator
@inline export const WRONG_DATA: u32 = 0x6a80;
// @ts-ignore: decorator
@inline export const FUNCTION_NOT_SUPPORTED: u32 = 0x6a81;
// @ts-ignore: decorator
@inline export const NO_SPACE: u32 = 0x6a84;
// @ts-ignore: decorator
@inline export const WRONG_PARAMETERS: u32 = 0x6a86;
// @ts-ignore: decorator
@inline export const REFERENCE_NOT_FOUND: u32 = 0x6a88;
// @ts-ignore: decorator
@inline export const ALREADY_THERE: u32 = 0x6a89;
// @ts-ignore: decorator
@inline export const INSTRUCTION_NOT_SUPPORTED: u32 = 0x6d00;
