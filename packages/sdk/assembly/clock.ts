// Interface clock: the time that the operator last brought. The module has no clock of its own.

/** Seconds since 1970; never goes back. 0 when not known. */
// @ts-ignore: decorator
@external("clock", "now")
export declare function now(): u64;

/** 1 when a time was brought, else 0. */
// @ts-ignore: decorator
@external("clock", "known")
export declare function known(): u32;
