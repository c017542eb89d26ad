// swift-tools-version: 6.3
import PackageDescription

/// The sanitizers to build for libFuzzer with, for instance `fuzzer`: `tools/fuzz` sets them, and
/// builds in a place of its own.
let fuzzing = Context.environment["VMREEL_FUZZ"].map { "-sanitize=\($0)" }

/// The strict settings every Swift target shares.
let strict: [SwiftSetting] =
  [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
  ] + (fuzzing.map { [.unsafeFlags([$0])] } ?? [])

/// A library layer; `tools/check-layers` holds the imports to the order they stand in here.
func layer(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, swiftSettings: strict)
}

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

/// The fuzzer, whose main function and link would trouble every other build.
let fuzzer: [Target] =
  fuzzing.map { sanitize in
    [
      .target(name: "CLibFuzzer", path: "Tests/CLibFuzzer"),
      .executableTarget(
        name: "Fuzzer", dependencies: ["CLibFuzzer", "FuzzTargets"], path: "Tests/Fuzzer",
        swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])],
        // gold, the default, trips over the sanitizers' debugging information.
        linkerSettings: [.unsafeFlags([sanitize, "-use-ld=lld"])]),
    ]
  } ?? []

let package = Package(
  name: "vmreel",
  products: [.executable(name: "vmreel", targets: ["vmreel"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    // L0: no dependencies inside the package.
    .target(name: "CKVM"),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .target(name: "CZydis", linkerSettings: [.linkedLibrary("Zydis")]),
    layer("Bytes", ["CCrypto", "CZlib"]),

    // L1: pure values; no clock, file, socket or printing.
    layer("Disassembly", ["CZydis"]),
    layer("Machine", ["Bytes", "CLZ4", "CZlib", "CZstd", "Disassembly"]),
    layer("Trace", ["Bytes", "CZstd"]),
    layer("BuiltInGuests"),

    // L2
    layer("TraceIO", ["Bytes", "Trace"]),
    layer("KVM", ["CKVM", "Bytes", "Machine"]),
    layer("Replay", ["Bytes", "Disassembly", "Machine", "Trace"]),
    layer(
      "Analysis",
      ["Bytes", "Trace", .product(name: "Histogram", package: "hdrhistogram-swift")]),
    layer("Import", ["Machine", "Trace"]),
    layer("SyntheticReels", ["Bytes", "Trace"]),
    layer("SQLiteIO", ["CSQLite"]),

    // L3
    .target(
      name: "Reporting", dependencies: ["Analysis", "Bytes", "Trace"],
      // The style and script of a report; a report is one file, and so is the program.
      resources: [.embedInCode("Resources/report.css"), .embedInCode("Resources/report.js")],
      swiftSettings: strict),
    layer("Export", ["Analysis", "Trace"]),

    // L4
    layer(
      "Commands",
      [
        "Bytes", "CZstd", "Disassembly", "Machine", "Trace", "BuiltInGuests", "TraceIO", "KVM",
        "Replay",
        "Analysis", "Import", "SyntheticReels", "SQLiteIO", "Reporting", "Export", argumentParser,
      ]),
    .executableTarget(name: "vmreel", dependencies: ["Commands"], swiftSettings: strict),

    tests(of: "Bytes"),
    tests(of: "Disassembly"),
    tests(of: "Machine", ["Bytes", "BuiltInGuests"]),
    .target(
      name: "ReelFixtures", dependencies: ["Bytes", "Trace"], path: "Tests/ReelFixtures",
      swiftSettings: strict),
    tests(of: "Trace", ["Bytes", "ReelFixtures"]),
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    tests(of: "TraceIO", ["Bytes", "Trace", "CAllocationCounter"]),
    tests(
      of: "Replay",
      ["Bytes", "Machine", "ReelFixtures", "Trace", "TraceIO", "CAllocationCounter"]),
    tests(of: "KVM", ["Bytes", "Machine"]),
    tests(of: "Analysis", ["Bytes", "Machine", "ReelFixtures", "Trace"]),
    .testTarget(
      name: "ImportTests", dependencies: ["Analysis", "CZstd", "Import", "Trace"],
      exclude: ["Logs"],
      swiftSettings: strict),
    tests(of: "SyntheticReels", ["Analysis", "Bytes", "ReelFixtures", "Trace"]),
    tests(of: "Reporting", ["Analysis", "ReelFixtures", "Trace"]),
    tests(of: "Export", ["Analysis", "ReelFixtures", "Trace"]),
    tests(
      of: "Commands",
      [
        "Analysis", "BuiltInGuests", "Bytes", "CAllocationCounter", "KVM", "Machine", "Replay",
        "ReelFixtures", "SyntheticReels", "Trace", "TraceIO",
      ]),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "Analysis", "Bytes", "Export", "Import", "Machine", "ReelFixtures", "Reporting", "Trace",
      ],
      path: "Tests/FuzzTargets", swiftSettings: strict),
    .testTarget(
      name: "FuzzTests",
      dependencies: ["Analysis", "Bytes", "FuzzTargets", "ReelFixtures", "Trace"],
      exclude: ["Regressions", "Corpus"], swiftSettings: strict),
  ] + fuzzer
)
