import Machine
import Testing

@testable import Replay

/// Drives the prediction with a simulated delay loop whose speed only the test knows.
@Suite struct ArrivalPredictionTests {
  private struct Loop {
    var counter: UInt64
    var registers: GeneralRegisters {
      var registers = GeneralRegisters()
      registers.rax = counter
      registers.rbx = 77
      return registers
    }
  }

  /// Runs and stops as a landing does, and counts both.
  private func approach(
    from start: UInt64, to target: UInt64, nanosecondsPerIteration: UInt64, slice: UInt64
  ) -> (arrived: Bool, stops: Int, runs: Int) {
    var loop = Loop(counter: start)
    var prediction = ArrivalPrediction(target: Loop(counter: target).registers, slice: slice)
    var stops = 0
    var runs = 0
    while loop.counter > target {
      if let slice = prediction.safeSlice {
        loop.counter -= min(loop.counter, slice / nanosecondsPerIteration)
        prediction.noteRun(slice: slice, nanoseconds: slice, loop.registers)
        runs += 1
      }
      loop.counter -= min(loop.counter, 1)
      stops += 1
      prediction.note(loop.registers)
    }
    return (loop.counter == target, stops, runs)
  }

  @Test(arguments: [1, 10, 100] as [UInt64])
  func aDelayLoopIsRunAheadIn(nanosecondsPerIteration: UInt64) {
    let iterations: UInt64 = 5_000_000
    let result = approach(
      from: 7_000_000, to: 7_000_000 - iterations,
      nanosecondsPerIteration: nanosecondsPerIteration,
      slice: iterations * nanosecondsPerIteration)
    #expect(result.arrived)
    // Below twice the shortest slice the guest stops at each arrival.
    let near = 2 * ArrivalPrediction.shortestLatencyNanoseconds / nanosecondsPerIteration
    #expect(result.stops < near + 2_000)
    #expect(result.runs > 2 && result.runs < 40)
  }

  @Test func aNearTargetIsNotRunAheadTo() {
    let result = approach(
      from: 1_000, to: 10, nanosecondsPerIteration: 1_000, slice: 1_000_000_000)
    #expect(result.arrived && result.runs == 0)
  }

  /// Registers that move irregularly, or away from the target, foretell nothing.
  @Test func onlyASteadyApproachCounts() {
    var prediction = ArrivalPrediction(target: Loop(counter: 0).registers, slice: 1_000_000_000)
    for counter in [9_000_000, 8_999_999, 8_999_990, 8_999_000] as [UInt64] {
      prediction.note(Loop(counter: counter).registers)
      #expect(prediction.safeSlice == nil)
    }
    prediction = ArrivalPrediction(target: Loop(counter: 5).registers, slice: 1_000_000_000)
    for counter in 1_000_000...1_000_010 as ClosedRange<UInt64> {
      prediction.note(Loop(counter: counter).registers)
      #expect(prediction.safeSlice == nil)
    }
  }

  /// Entering the guest takes longer than the loop gets done in a short first run.
  @Test func aSlowStartIsNotTakenForTheLoopsSpeed() {
    var prediction = ArrivalPrediction(target: Loop(counter: 0).registers, slice: 20_000_000)
    var (counter, runs) = (1_000_000 as UInt64, 0)
    while counter > 0 {
      if let slice = prediction.safeSlice {
        let iterations = slice.subtractingReportingOverflow(225_000)
        counter -= min(counter, iterations.overflow ? 0 : iterations.partialValue / 20)
        prediction.noteRun(slice: slice, nanoseconds: slice, Loop(counter: counter).registers)
        runs += 1
      }
      guard counter > 0 else { break }
      counter -= 1
      prediction.note(Loop(counter: counter).registers)
      if counter == 0 { return #expect(runs > 1) }
    }
    Issue.record("the target was missed after \(runs) runs")
  }

  /// Of two registers that move steadily, the one that is there first counts: the other belongs to
  /// a loop around this one, or to one inside it.
  @Test func theNearestRegisterLeads() {
    var target = Loop(counter: 0).registers
    target.rcx = 1_000_000
    var prediction = ArrivalPrediction(target: target, slice: 1_000_000_000)
    for step in 0..<5 as Range<UInt64> {
      var registers = Loop(counter: 500 - step).registers
      registers.rcx = step
      prediction.note(registers)
      #expect(prediction.safeSlice == nil)
    }
  }

  /// A loop that would take much longer than the recording took is not the recorded one.
  @Test func whatIsTooFarIsNotRunAheadTo() {
    var prediction = ArrivalPrediction(
      target: Loop(counter: 0).registers, slice: 20_000_000)
    for counter in [1_000_002, 1_000_001, 1_000_000] as [UInt64] {
      prediction.note(Loop(counter: counter).registers)
    }
    // As long as the speed is unknown the loop is taken for the fastest there is.
    #expect(prediction.safeSlice == 125_000)
    prediction.noteRun(slice: 312_500, nanoseconds: 312_500, Loop(counter: 999_900).registers)
    for counter in [999_899, 999_898, 999_897] as [UInt64] {
      prediction.note(Loop(counter: counter).registers)
    }
    #expect(prediction.safeSlice == nil)
  }

  @Test func extremeValuesDoNotTrap() {
    let values: [UInt64] = [0, 1, .max, 1 << 63, (1 << 63) - 1]
    for target in values {
      for first in values {
        for stride in values {
          var prediction = ArrivalPrediction(target: Loop(counter: target).registers, slice: .max)
          for step in 0..<4 as Range<UInt64> {
            prediction.note(Loop(counter: first &+ step &* stride).registers)
            _ = prediction.safeSlice
          }
          prediction.noteRun(slice: 0, nanoseconds: .max, Loop(counter: first).registers)
        }
      }
    }
  }
}
