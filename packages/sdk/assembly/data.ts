// Interface data: the data area, the only memory that stays. What a call writes is kept when the call ends well.

/** Bytes of the area. */
// @ts-ignore: decorator
@external("data", "size")
export declare function size(): u32;

/** Copies from the area. One byte outside: the call is refused. */
// @ts-ignore: decorator
@external("data", "read")
export declare function read(offset: u32, destination: usize, length: u32): void;

/** Writes to the area. One byte outside: the call is refused. */
// @ts-ignore: decorator
@external("data", "write")
export declare function write(offset: u32, source: usize, length: u32): void;
