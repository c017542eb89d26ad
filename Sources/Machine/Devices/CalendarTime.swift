/// The time registers of a real-time clock, as binary numbers and a 24-hour hour.
///
/// Software may store nonsense (month 0, hour 99); it reads back as stored until the clock ticks,
/// and then turns into the date that many months, days and hours make.
package struct CalendarTime: Equatable, Sendable {
  private static let secondsPerDay: Int64 = 86_400

  /// 0–59.
  var second: UInt8
  /// 0–59.
  var minute: UInt8
  /// 0–23.
  var hour: UInt8
  /// 1–7; Sunday is 1.
  var dayOfWeek: UInt8
  /// 1–31.
  var day: UInt8
  /// 1–12.
  var month: UInt8
  /// The year of the century, 0–99.
  var year: UInt8
  /// The year divided by 100.
  var century: UInt8

  /// The time at seconds since 1970-01-01T00:00:00Z, clamped to the years 0–9999.
  package init(epochSeconds: Int64) {
    let clamped = min(max(epochSeconds, -62_167_219_200), 253_402_300_799)
    self.init(secondsSince1970: clamped, dayOfWeek: 0)
    // 1970-01-01, day 0, was a Thursday.
    let dayNumber = Self.floorDivide(clamped, Self.secondsPerDay)
    dayOfWeek = UInt8(truncatingIfNeeded: (dayNumber % 7 + 7 + 4) % 7 + 1)
  }

  /// Splits seconds into fields; the century wraps at 256.
  private init(secondsSince1970 seconds: Int64, dayOfWeek: UInt8) {
    let dayNumber = Self.floorDivide(seconds, Self.secondsPerDay)
    let secondOfDay = seconds - dayNumber * Self.secondsPerDay
    let date = Self.civilDate(ofDay: dayNumber)
    second = UInt8(secondOfDay % 60)
    minute = UInt8(secondOfDay / 60 % 60)
    hour = UInt8(secondOfDay / 3600)
    self.dayOfWeek = dayOfWeek
    day = UInt8(truncatingIfNeeded: date.day)
    month = UInt8(truncatingIfNeeded: date.month)
    year = UInt8(truncatingIfNeeded: date.year % 100)
    century = UInt8(truncatingIfNeeded: date.year / 100)
  }

  /// The time a number of seconds later (up to 2⁴⁰).
  func advanced(bySeconds delta: UInt64) -> CalendarTime {
    guard delta != 0 else { return self }
    let now = secondsSince1970
    let later = now + Int64(min(delta, 1 << 40))
    let days =
      Self.floorDivide(later, Self.secondsPerDay) - Self.floorDivide(now, Self.secondsPerDay)
    let weekday = (Int64(dayOfWeek) + 6 + days) % 7 + 1
    return CalendarTime(secondsSince1970: later, dayOfWeek: UInt8(truncatingIfNeeded: weekday))
  }

  private var secondsSince1970: Int64 {
    let years = Int64(century) * 100 + Int64(year)
    // A month outside 1–12 is clamped; all other fields add up linearly whatever they hold.
    let firstOfMonth = Self.dayNumber(year: years, month: Int64(min(max(month, 1), 12)))
    let dayNumber = firstOfMonth + Int64(day) - 1
    return ((dayNumber * 24 + Int64(hour)) * 60 + Int64(minute)) * 60 + Int64(second)
  }

  // MARK: The Gregorian calendar

  // Both directions count years from March, so that the leap day comes last, in 400-year eras of
  // 146 097 days; 1970-01-01 is day 719 468 since 0000-03-01.

  /// The days from 1970-01-01 to the first of a month.
  private static func dayNumber(year: Int64, month: Int64) -> Int64 {
    let marchYear = month > 2 ? year : year - 1
    let era = floorDivide(marchYear, 400)
    let yearOfEra = marchYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func civilDate(ofDay number: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = number + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
  }

  private static func floorDivide(_ dividend: Int64, _ divisor: Int64) -> Int64 {
    let quotient = dividend / divisor
    return dividend % divisor < 0 ? quotient - 1 : quotient
  }
}
