import Analysis
import FoundationEssentials
import Testing

/// scipy, whose tests those of `diff` must agree with.
enum RankTestReference {
  static let unavailable =
    interpreter == nil ? "no Python with the module scipy: run tools/setup" : nil

  static let interpreter = [
    SecondReader.root.appending(path: ".build/python/bin/python3").path, "python3",
    "/usr/bin/python3",
  ].first { name in
    guard let directory = try? TestDirectory() else { return false }
    let program = try? Program(name, ["-c", "import scipy.stats"], in: directory)
    return program?.wait().status == 0
  }

  /// Reads lines of `[a, b, u, p]` and prints how many agree.
  static let script = """
    import json, sys
    from scipy.stats import PermutationMethod, mannwhitneyu
    agreed = 0
    for line in open(sys.argv[1]):
        a, b, u, p = json.loads(line)
        exact = len(a) + len(b) <= 20
        ties = len(set(a + b)) < len(a + b)
        method = "asymptotic" if not exact else PermutationMethod(n_resamples=10**6) if ties else "exact"
        expected = mannwhitneyu(a, b, method=method)
        # Of all values the same scipy makes no number of the approximation.
        limit = 1.0 if expected.pvalue != expected.pvalue else expected.pvalue
        if u != expected.statistic or abs(p - limit) > 1e-9:
            sys.exit(f"{a} {b}: {u} {p}, scipy: {expected}")
        agreed += 1
    print(agreed)
    """
}

extension ProgramTests {
  /// `diff`'s totals, of two reels and of several on each side.
  @Suite struct DiffTotals {
    private struct Pair: Decodable {
      struct Row: Decodable {
        struct Times: Decodable {
          var totalNanoseconds: UInt64
          var p50Nanoseconds: UInt64
          var p99Nanoseconds: UInt64
        }
        var place: String
        var name: String
        var a: UInt64
        var b: UInt64
        var delta: Int64
        var timesA: Times?
        var deltaNanoseconds: Int64?
      }
      var schema: String
      var isOfCounts: Bool
      var totals: [Row]
      var omittedTotals: OmittedTotals?
    }

    private struct Groups: Decodable {
      struct Row: Decodable {
        struct Samples: Decodable {
          var a: [UInt64]
          var isSignificant: Bool
        }
        var place: String
        var name: String
        var counts: Samples
        var meanNanoseconds: Samples?
      }
      var schema: String
      var verdict: String
      var smallestP: Double
      var countTests: Int
      var rows: [Row]
    }

    private static let hello = SecondReader.traces + "/hello.reel"
    private static let ticker = SecondReader.traces + "/ticker.reel"

    private func decode<Result: Decodable>(_ run: Run) throws -> Result {
      try JSONDecoder().decode(Result.self, from: Data(run.output))
    }

    static let others: [String] = ["hello.reel", "linux/static-kvm_amd.reel"]

    /// The same counts and times as `stats` gives each of the two, but for reads of rewritten RDTSC
    /// instructions where only one of the guests has such.
    @Test(arguments: others)
    func agreeWithStats(name: String) throws {
      let other = SecondReader.traces + "/" + name
      let isRewritten = name.hasPrefix("linux/")
      struct Statistics: Decodable {
        struct Table: Decodable { var rows: [Row] }
        struct Row: Decodable {
          var cells: [String]
          var samples: UInt64
          var handling: Pair.Row.Times
        }
        var table: Table
      }
      let directory = try TestDirectory()
      let run = try directory.vmreel("diff", "--stats-only", other, Self.ticker, "--format", "json")
      #expect(run.status == 1, "\(run.story)")
      let pair: Pair = try decode(run)
      #expect(pair.schema == "vmreel.diff/2" && pair.isOfCounts)
      for (place, dimension) in [("reason", "reason"), ("port", "port"), ("vector", "vector")] {
        let counted = try directory.vmreel("stats", other, "--by", dimension, "--format", "json")
        let statistics: Statistics = try decode(counted)
        let rows = pair.totals.filter { $0.place == place && $0.a > 0 }
        let counters = statistics.table.rows.filter { $0.cells == ["0xe4:PIN"] }
        if place == "port" {
          #expect(
            counters.map(\.samples) == (isRewritten ? [try #require(pair.omittedTotals).a] : []))
        }
        #expect(
          rows.count == statistics.table.rows.count - counters.count, "\(place): \(run.story)")
        for row in statistics.table.rows where row.cells != ["0xe4:PIN"] {
          let total = try #require(rows.first { [$0.name] == row.cells })
          if isRewritten, row.cells == ["in"] {
            #expect(total.a + (pair.omittedTotals?.a ?? 0) == row.samples)
            continue
          }
          #expect(total.a == row.samples && total.delta == Int64(total.b) - Int64(total.a))
          #expect(total.timesA?.totalNanoseconds ?? 0 == row.handling.totalNanoseconds)
          #expect(total.timesA?.p50Nanoseconds ?? 0 == row.handling.p50Nanoseconds)
          #expect(total.timesA?.p99Nanoseconds ?? 0 == row.handling.p99Nanoseconds)
        }
      }
    }

    @Test func statsOnly() throws {
      let directory = try TestDirectory()
      let same = try directory.vmreel("diff", "--stats-only", Self.hello, Self.hello)
      #expect(same.status == 0 && same.text.contains("Exits: A 69, B 69, as many."))
      #expect(same.text.contains("(5 rows have equal counts; --all shows them)"))
      #expect(!same.text.contains("COM1 THR"), "\(same.story)")
      let all = try directory.vmreel("diff", "--stats-only", "--all", Self.hello, Self.hello)
      #expect(all.status == 0 && all.text.contains("0x3f8:POUT COM1 THR"), "\(all.story)")
      let other = try directory.vmreel("diff", "--stats-only", Self.hello, Self.ticker)
      #expect(other.status == 1, "\(other.story)")
      for part in ["Reasons", "Ports", "Interrupts", "hlt (idle)", "new", "p99 A → B"] {
        #expect(other.text.contains(part), "\(part): \(other.story)")
      }
      let turned = try directory.vmreel("diff", "--stats-only", Self.ticker, Self.hello)
      #expect(turned.text.contains("gone"), "\(turned.story)")
      let quiet = try directory.vmreel("diff", "-q", "--stats-only", Self.hello, Self.ticker)
      #expect(quiet.status == 1 && quiet.output.isEmpty && quiet.errors.isEmpty)
    }

    /// Events at places that are not compared are not counted either, in any table, and it is said.
    @Test(arguments: [["--stats-only"], []])
    func ignoredPlaces(options: [String]) throws {
      let directory = try TestDirectory()
      func run(_ more: String...) throws -> Run {
        try directory.vmreel(["diff"] + options + more + [Self.hello, Self.ticker])
      }
      let all: Pair = try decode(try run("--format", "json"))
      #expect(all.omittedTotals == nil)
      let ignored = "port@0x20-0x21,vector@0x20,value@0x3f8"
      let rules = options.isEmpty ? ignored : String(ignored.prefix { $0 != "," }) + ",vector@0x20"
      let rest: Pair = try decode(try run("--format", "json", "--ignore", rules))
      func isOmitted(_ row: Pair.Row) -> Bool {
        row.place == "vector" && row.name == "0x20"
          || row.place == "port" && ["0x20:", "0x21:"].contains { row.name.hasPrefix($0) }
      }
      let gone = all.totals.filter(isOmitted)
      let (a, b) = (gone.reduce(0) { $0 + $1.a }, gone.reduce(0) { $0 + $1.b })
      #expect(b > a && gone.count > 2)
      #expect(rest.omittedTotals?.places == ["port@0x20-0x21", "vector@0x20"])
      #expect(rest.omittedTotals?.a == a && rest.omittedTotals?.b == b)
      func rows(_ pair: Pair) -> [String] {
        pair.totals.filter { $0.place != "reason" && !isOmitted($0) }.map {
          "\($0.place) \($0.name) \($0.a) \($0.b) \($0.deltaNanoseconds ?? 0)"
        }.sorted()
      }
      #expect(rows(rest) == rows(all) && !rows(rest).isEmpty)
      func exits(_ pair: Pair) -> UInt64 {
        pair.totals.filter { $0.place == "reason" }.reduce(0) { $0 + $1.b }
      }
      let accesses = gone.filter { $0.place == "port" }.reduce(0) { $0 + $1.b }
      #expect(exits(rest) + accesses == exits(all))
      let text = try run("--ignore", rules)
      let remark =
        "Not counted, since not compared: port@0x20-0x21, vector@0x20 (A \(a), B \(b))."
      #expect(text.status == 1 && text.text.contains(remark), "\(text.story)")
      #expect(text.text.contains("Not compared: host times, host-made events and keyframes; "))
      let page = try run("--ignore", rules, "--html", "-")
      #expect(page.text.contains("<p>" + remark), "\(page.errors)")
    }

    /// The exit status is of what is counted, if that is nothing at all.
    @Test func ignoredPlacesAloneMakeNoDifference() throws {
      let directory = try TestDirectory()
      let others = ["diff", "--stats-only", Self.hello, SecondReader.traces + "/multiboot.reel"]
      #expect(try directory.vmreel(others).status == 1)
      let run = try directory.vmreel(others + ["--ignore", "port@0-0xffff"])
      #expect(run.status == 0 && run.text.contains("Exits: A 0, B 0, as many."), "\(run.story)")
      #expect(run.text.contains("Not counted, since not compared: port@0x0-0xffff (A 69, B "))
      let page = try directory.vmreel(others + ["--ignore", "port@0-0xffff", "--html", "-"])
      #expect(page.status == 0 && page.text.contains("Not counted, since"), "\(page.errors)")
    }

    /// Host-made exits are the host's: more kicks are no difference, and stripped times none to show.
    @Test func withoutTimes() throws {
      let directory = try TestDirectory()
      let strip = try directory.vmreel("strip", "--times", Self.ticker, "-o", "a.reel")
      #expect(strip.status == 0, "\(strip.story)")
      let run = try directory.vmreel("diff", "--stats-only", "--all", "a.reel", Self.ticker)
      #expect(run.status == 0, "\(run.story)")
      #expect(run.text.contains("Reasons") && !run.text.contains("p50"), "\(run.story)")
      let json = try directory.vmreel(
        "diff", "--stats-only", "a.reel", Self.ticker, "--format", "json")
      let pair: Pair = try decode(json)
      #expect(pair.totals.allSatisfy { $0.timesA == nil && $0.deltaNanoseconds == nil })
    }

    static let misuses: [(arguments: [String], words: String)] = [
      ([], "give two reels"), (["x"], "a second reel is missing"),
      (["--a", "x"], "--b is missing"), (["--b", "x"], "--a is missing"),
      (["x", "y", "--a", "z"], "all reels follow one of them"),
      (["--a", "x", "--b", "y"], "leave --a and --b out"),
      (["--a", "x", "y", "--b", "x"], "given twice"),
      (["x", "y", "--alpha", "0.1"], "for several reels"),
      (["x", "y", "--counts-only"], "for several reels"),
      (["--a", "x", "--b", "y", "z", "--alpha", "1"], "between 0 and 1"),
      (["--stats-only", "--ignore", "rip", "x", "y"], "--ignore is about events"),
      (["--a", "x", "--b", "y", "z"], "cannot open x"),
      (["x", "y", "--sort", "size"], "'impact', 'count'"),
    ]

    @Test(
      "What is wrong with the command line is one sentence, and the exit status 2",
      arguments: misuses)
    func usage(arguments: [String], words: String) throws {
      expectTrouble(try TestDirectory().vmreel(["diff"] + arguments), words)
    }

    /// Copies are no recordings, but to the program they are: enough to see what it says of sizes.
    @Test func tooFewReels() throws {
      let directory = try TestDirectory()
      let copies = try directory.shell(
        "for i in 1 2 3; do cp \(Self.hello) a$i.reel; cp \(Self.ticker) b$i.reel; done")
      #expect(copies.status == 0)
      let run = try directory.shell("vmreel diff --a a?.reel --b b?.reel")
      #expect(run.status == 2, "\(run.story)")
      #expect(run.text.contains("The smallest p possible with so many reels is 0.1000."))
      #expect(run.errors.contains("with so few reels not everything could: give at least 4"))
      #expect(!run.text.contains("*\n"), "\(run.story)")
      let quiet = try directory.shell("vmreel diff -q --alpha 0.1 --a a?.reel --b b?.reel")
      #expect(quiet.status == 1 && quiet.text.isEmpty && quiet.errors.isEmpty, "\(quiet.story)")
      let same = try directory.shell("vmreel diff --a a?.reel --b \(Self.hello)")
      #expect(same.status == 0 && same.text.contains("No count and no mean time"), "\(same.story)")
      let json = try directory.shell("vmreel diff --a a?.reel --b b?.reel --format json")
      let again = try directory.shell("vmreel diff --a a?.reel --b b?.reel --format json")
      #expect(json.output == again.output && json.status == 2)
      #expect(try jsonSchema(json) == "vmreel.diff-groups/1")
    }

    @Test("A partial reel among several is compared as far as it goes, and is trouble")
    func partial() throws {
      let directory = try TestDirectory()
      let made = try directory.shell(
        "cp \(Self.hello) a.reel; head -c $(($(stat -c %s a.reel) - 300)) a.reel >b.reel")
      #expect(made.status == 0)
      let run = try directory.vmreel("diff", "--a", "a.reel", Self.hello, "--b", "b.reel")
      #expect(run.status == 2 && run.errors.contains("b.reel is partial"), "\(run.story)")
      #expect(run.text.contains("2 reels against 1"), "\(run.story)")
    }

    /// Made of random samples, few and many, with and without ties.
    @Test(
      .enabled(
        if: RankTestReference.unavailable == nil,
        Comment(rawValue: RankTestReference.unavailable ?? "scipy runs")))
    func agreesWithSciPy() throws {
      var state: UInt64 = 7
      func random() -> UInt64 {
        // Knuth's MMIX generator; its high bits are the random ones.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
      }
      var lines = ""
      let count = 240
      for number in 0..<count {
        let isMany = number.isMultiple(of: 3)
        let range: UInt64 = number.isMultiple(of: 2) ? 5 : 1_000_000
        // Ties make scipy permute: 12 over 6 is enough of that.
        let largest = isMany ? 40 : range == 5 ? 6 : 10
        func sample(atLeast least: Int) -> [UInt64] {
          (0..<(least + Int(random() % UInt64(largest + 1 - least)))).map { _ in
            random() % range
          }
        }
        let (a, b) = (sample(atLeast: isMany ? 15 : 2), sample(atLeast: isMany ? 15 : 2))
        let test = try #require(RankTest(a, b))
        #expect(test.method == (isMany ? .normal : .exact))
        lines += "[\(a), \(b), \(test.u), \(test.p)]\n"
      }
      let directory = try TestDirectory()
      try directory.write(lines.utf8, to: "tests")
      let program = try Program(
        RankTestReference.interpreter ?? "python3", ["-c", RankTestReference.script, "tests"],
        in: directory)
      let run = directory.finish(program, "scipy", #_sourceLocation)
      #expect(run.status == 0 && run.text == "\(count)\n", "\(run.story)")
    }

    /// Five against five: 2 of 252 ways to draw are as far out as can be, so 0.01 can be reached.
    ///
    /// Recordings of the sides alternate, so that a host that warms up does not tell them apart.
    @Test(.needsKVM) func recordings() throws {
      let directory = try TestDirectory()
      for index in 1...5 {
        for (name, input) in [("a", "hello"), ("b", "hello"), ("c", "hello hello")] {
          let run = try directory.vmreel(
            "record", "--guest", "echo", "--placement", "exit", "-o", "\(name)\(index).reel",
            input: .text(input + "\n"))
          #expect(run.status == 0, "\(run.story)")
        }
      }
      let compare = "vmreel diff --alpha 0.01 --format json --counts-only"
      let same = try directory.shell("\(compare) --a a?.reel --b b?.reel")
      #expect(same.status == 0, "\(same.story)")
      let equal: Groups = try decode(same)
      #expect(equal.countTests == 0 && equal.verdict == "same" && !equal.rows.isEmpty)
      #expect(abs(equal.smallestP - 2.0 / 252) < 1e-15)
      #expect(equal.rows.allSatisfy { !$0.counts.isSignificant && $0.meanNanoseconds == nil })
      let other = try directory.shell("\(compare) --a a?.reel --b c?.reel")
      #expect(other.status == 1, "\(other.story)")
      let different: Groups = try decode(other)
      let significant = different.rows.filter(\.counts.isSignificant).map(\.name)
      #expect(significant.contains("in") && significant.contains("0x3f8:PIN"), "\(significant)")
      #expect(!significant.contains("0xf4:POUT"))
      // With times, whatever they are: counts stay what they were, and the marks say it.
      let text = try directory.shell("vmreel diff --alpha 0.01 --a a?.reel --b c?.reel")
      #expect(text.status == 1 && text.text.contains("0.0079*"), "\(text.story)")
      let timed = try directory.shell(
        "vmreel diff --alpha 0.01 --a a?.reel --b c?.reel --format json")
      let rows: Groups = try decode(timed)
      #expect(rows.rows.contains { $0.meanNanoseconds?.a.count == 5 }, "\(timed.story)")
    }

    /// The same comparison of what a kernel's tracepoints logged.
    @Test func imports() throws {
      let directory = try TestDirectory()
      func log(_ exits: Int) -> String {
        (0..<exits).map { index in
          let time = "1.0000\(10 + index)"
          return "q 21 [0] \(time)1: kvm:kvm_exit: vcpu 0 reason HLT rip 0x1 info 0 0\n"
            + "q 21 [0] \(time)2: kvm:kvm_entry: vcpu 0, rip 0x1\n"
        }.joined()
      }
      for (name, exits) in [("a", 3), ("b", 3), ("c", 5)] {
        try directory.write(log(exits).utf8, to: "\(name).txt")
        let run = try directory.vmreel("import", "\(name).txt", "-o", "\(name).reel")
        #expect(run.status == 0, "\(run.story)")
      }
      #expect(try directory.vmreel("diff", "--stats-only", "a.reel", "b.reel").status == 0)
      let run = try directory.vmreel("diff", "a.reel", "c.reel")
      #expect(run.status == 1 && run.text.contains("HLT (idle)"), "\(run.story)")
      #expect(run.text.contains("+2"), "\(run.story)")
      let groups = try directory.vmreel(
        "diff", "--alpha", "0.7", "--a", "a.reel", "b.reel", "--b", "c.reel")
      #expect(groups.status == 1, "2 in 3: \(groups.story)")
      let mixed = try directory.vmreel("diff", "--stats-only", "a.reel", Self.hello)
      #expect(mixed.status == 2 && mixed.errors.contains("no exits of the kernel"))
    }
  }
}
