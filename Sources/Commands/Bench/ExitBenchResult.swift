/// The figures of one set of rounds.
struct ExitBenchResult: Encodable {
  let schema = "vmreel.bench.exits/1"
  let unit = "nanoseconds per exit"
  var exits: Int
  var rounds: Int
  var bare: Spread
  var runner: Spread
  var recording: Spread
  var peakMiBWithoutGuestRAM: Int

  var isSteady: Bool { bare.relative <= ExitBench.steadySpread }

  private var table: BenchTable {
    BenchTable(
      unit: "ns/exit", decimals: 0,
      rows: [("bare KVM_RUN", bare), ("runner", runner), ("runner recording", recording)])
  }

  var text: String {
    table.text
      + "\(exits) port writes a round, \(rounds) rounds, variants alternated; medians\n"
      + "peak memory without guest RAM: \(peakMiBWithoutGuestRAM) MiB\n"
  }

  var csv: String { table.csv(suffix: "ns") }
}
