// Interface chip, for customization software: stores code and data in the EEPROM.

/** Stores an object, in the place of one of the same kind and id. */
// @ts-ignore: decorator
@external("chip", "put")
export declare function put(kind: u32, id: u32, source: usize, length: u32): void;

/** Lengthens an object that `put` began. */
// @ts-ignore: decorator
@external("chip", "append")
export declare function append(kind: u32, id: u32, source: usize, length: u32): void;

/** Bytes of an object, or -1. */
// @ts-ignore: decorator
@external("chip", "length")
export declare function length(kind: u32, id: u32): i32;

/** SHA-256 of an object; writes 32 bytes. No such object: the call is refused. */
// @ts-ignore: decorator
@external("chip", "digest")
export declare function digest(kind: u32, id: u32, destination: usize): void;

/** Lets instruction `ins` run this function; program 0 = native entries, 1 = the ROM's program, else software of this id. */
// @ts-ignore: decorator
@external("chip", "vector")
export declare function vector(ins: u32, program: u32, number: u32): void;

/** Lets the command of a native entry of the ROM run. */
// @ts-ignore: decorator
@external("chip", "activate")
export declare function activate(entry: u32): void;
