// Interface sign.

/** The module's ECDSA P-256 signature over "APP1" ‖ resource ‖ data; writes r ‖ s, 64 bytes. */
// @ts-ignore: decorator
@external("sign", "sign")
export declare function sign(source: usize, length: u32, destination: usize): void;
