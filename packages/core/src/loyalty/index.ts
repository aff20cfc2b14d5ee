export {
  type Booking,
  type BookingRequest,
  blankRecord,
  type CardRecord,
  parseBooking,
  parseBookingRequest,
  parseCardFile,
  serializeBooking,
  serializeBookingRequest,
  serializeCardFile,
} from './loyalty.ts'
