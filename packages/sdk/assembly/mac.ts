// Interface mac: AES-CMAC under keys of granted places. A place is a reference of four bytes: domain(2) version(1) id(1).

/** AES-CMAC of `length` bytes at `source`; writes 16 bytes. */
// @ts-ignore: decorator
@external("mac", "cmac")
export declare function cmac(place: u32, source: usize, length: u32, destination: usize): void;

/** 1 when the first `macLength` bytes (8 to 16) of the AES-CMAC are those at `mac`, else 0. */
// @ts-ignore: decorator
@external("mac", "verify")
export declare function verify(place: u32, source: usize, length: u32, mac: usize, macLength: u32): u32;
