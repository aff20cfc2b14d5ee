//! Answers the command data sorted, and the median in front. Uses what Rust's library brings along: generic sorting, slices, panics.
#![no_std]
#![no_main]

#[link(wasm_import_module = "io")]
extern "C" {
    fn input_length() -> u32;
    fn input(destination: *mut u8, offset: u32, length: u32);
    fn output(source: *const u8, length: u32);
    fn refuse(sw: u32) -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    unsafe { refuse(0x6f00) }
}

#[no_mangle]
pub extern "C" fn process() {
    let mut bytes = [0u8; 255];
    let length = unsafe { input_length() } as usize;
    if length == 0 || length > bytes.len() {
        unsafe { refuse(0x6700) }
    }
    let data = &mut bytes[..length];
    unsafe { input(data.as_mut_ptr(), 0, length as u32) };
    data.sort_unstable();
    let median = data[length / 2];
    unsafe {
        output(&median, 1);
        output(data.as_ptr(), length as u32);
    }
}
