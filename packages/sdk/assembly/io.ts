// Interface io: the command and its answer.

/** Bytes of command data. */
// @ts-ignore: decorator
@external("io", "input_length")
export declare function length(): u32;

/** Copies `length` bytes of the command data, from `offset` on, to `destination`. Beyond the data: the call is refused. */
// @ts-ignore: decorator
@external("io", "input")
export declare function input(destination: usize, offset: u32, length: u32): void;

/** Appends to the answer. */
// @ts-ignore: decorator
@external("io", "output")
export declare function output(source: usize, length: u32): void;

/** Instruction of the command. */
// @ts-ignore: decorator
@external("io", "ins")
export declare function ins(): u32;

// @ts-ignore: decorator
@external("io", "p1")
export declare function p1(): u32;

// @ts-ignore: decorator
@external("io", "p2")
export declare function p2(): u32;

/** 1 when the command came in the channel of the resource's supplier, else 0: anybody may speak to a selected application. */
// @ts-ignore: decorator
@external("io", "channel")
export declare function channel(): u32;

/** Status word of the answer, 9000 when not called. What the call wrote stays. */
// @ts-ignore: decorator
@external("io", "status")
export declare function status(sw: u32): void;

/** Ends the call with this status word: no answer data, and what the call wrote is undone. Does not return. */
// @ts-ignore: decorator
@external("io", "refuse")
export declare function refuse(sw: u32): void;
