/// The SQLite database an export makes: its tables and the views that answer common questions.
///
/// Numbers of 64 bits are stored as their two's complement: what is above Int64's range is negative,
/// and `printf('0x%x', column)` shows it as it was; the view `events_hex` does.
public enum DatabaseSchema {
  /// The version of the tables and views, in the database's user_version.
  public static let version = 1

  /// The tables.
  public static let tables = """
    CREATE TABLE metadata(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
    CREATE TABLE reasons(
      reason INTEGER PRIMARY KEY, -- an event kind's number; 256 and above: a kernel exit's reason
      source TEXT NOT NULL,       -- event, vmx, svm
      code INTEGER,               -- as the reel has it
      name TEXT NOT NULL,
      class TEXT NOT NULL         -- guest-made, input, host-made, mark, unknown; kernel
    );
    CREATE TABLE places(
      reason INTEGER NOT NULL,
      address INTEGER NOT NULL,   -- port, guest physical address, MSR index, kick cause
      name TEXT NOT NULL,         -- 0x3f8:POUT
      label TEXT,                 -- COM1 THR
      PRIMARY KEY(reason, address)
    ) WITHOUT ROWID;
    CREATE TABLE events(
      event INTEGER PRIMARY KEY,
      kind INTEGER NOT NULL,      -- reasons.reason
      vcpu INTEGER NOT NULL,
      address INTEGER, width INTEGER, count INTEGER, value INTEGER, payload BLOB,
      rip INTEGER, stream INTEGER, device INTEGER, image INTEGER, timestamp INTEGER,
      check_bits INTEGER, digest INTEGER, tainted INTEGER
    );
    CREATE TABLE exits(
      event INTEGER PRIMARY KEY,
      reason INTEGER NOT NULL,
      vcpu INTEGER NOT NULL,
      address INTEGER, rip INTEGER,
      entry_ns INTEGER, exit_ns INTEGER,
      guest_ns INTEGER,           -- from the entry to this exit
      handling_ns INTEGER         -- from this exit to the vCPU's next entry
    );
    CREATE TABLE kernel_exits(
      kernel_exit INTEGER PRIMARY KEY,
      after_event INTEGER NOT NULL,
      reason INTEGER NOT NULL,
      vcpu INTEGER NOT NULL,
      code INTEGER NOT NULL,
      outcome TEXT NOT NULL,      -- in kernel, to runner, kicked, outcome unknown
      rip INTEGER, address INTEGER, info1 INTEGER, info2 INTEGER, interrupt_info INTEGER,
      error_code INTEGER,
      entry_ns INTEGER, exit_ns INTEGER,
      guest_ns INTEGER,           -- from the entry to this exit
      kernel_ns INTEGER           -- from this exit to the next entry, where the kernel went on alone
    );
    CREATE TABLE console(
      line INTEGER PRIMARY KEY,
      stream TEXT NOT NULL,       -- serial, debug
      first_event INTEGER NOT NULL,
      last_event INTEGER NOT NULL,
      exit_ns INTEGER,
      text TEXT NOT NULL
    );
    """

  /// The views.
  public static let views = [
    namedExits, byReason, byPlace("exits_by_port", "'out', 'in'"),
    byPlace("exits_by_memory", "'mmio-write', 'mmio-read'"),
    byPlace("exits_by_msr", "'wrmsr', 'rdmsr'"), byInstructionPointer, slowest, perInterval,
    interrupts, kernelByReason, nestedPagingFaults, hexadecimal,
  ].joined(separator: "\n")

  private static let namedExits = """
    CREATE VIEW exits_named AS
      SELECT x.event, r.name AS reason, r.class AS class,
        coalesce(p.name, r.name) AS place, p.label, x.vcpu,
        CASE WHEN x.address IS NOT NULL THEN printf('0x%x', x.address) END AS address,
        printf('0x%x', x.rip) AS rip, x.entry_ns, x.exit_ns, x.guest_ns, x.handling_ns
      FROM exits x JOIN reasons r USING (reason)
      LEFT JOIN places p ON p.reason = x.reason AND p.address = x.address;
    """

  /// What is said about a group of exits.
  private static let figures = """
    count(*) AS exits,
        round(100.0 * count(*) / sum(count(*)) OVER (), 4) AS exits_percent,
        sum(x.handling_ns) AS handling_ns,
        round(100.0 * sum(x.handling_ns) / sum(sum(x.handling_ns)) OVER (), 4) AS handling_percent,
        min(x.handling_ns) AS min_ns, max(x.handling_ns) AS max_ns,
        round(avg(x.handling_ns), 1) AS mean_ns, sum(x.guest_ns) AS guest_ns
    """

  private static let byReason = """
    CREATE VIEW exits_by_reason AS
      SELECT r.name AS reason, r.class AS class, \(figures)
      FROM exits x JOIN reasons r USING (reason)
      GROUP BY x.reason ORDER BY exits DESC, r.name;
    """

  private static func byPlace(_ view: String, _ kinds: String) -> String {
    """
    CREATE VIEW \(view) AS
      SELECT coalesce(p.name, r.name) AS place, p.label, \(figures)
      FROM exits x JOIN reasons r USING (reason)
      LEFT JOIN places p ON p.reason = x.reason AND p.address = x.address
      WHERE r.source = 'event' AND r.name IN (\(kinds))
      GROUP BY x.reason, x.address ORDER BY exits DESC, place;
    """
  }

  private static let byInstructionPointer = """
    CREATE VIEW exits_by_rip AS
      SELECT printf('0x%x', x.rip) AS rip, r.name AS reason, \(figures)
      FROM exits x JOIN reasons r USING (reason)
      GROUP BY x.rip, x.reason ORDER BY exits DESC, x.rip;
    """

  private static let slowest = """
    CREATE VIEW slowest_exits AS
      SELECT * FROM exits_named WHERE handling_ns IS NOT NULL
      ORDER BY handling_ns DESC, event LIMIT 100;
    """

  private static let perInterval = """
    CREATE VIEW exits_per_10ms AS
      SELECT x.exit_ns / 10000000 * 10 AS start_ms, r.name AS reason, count(*) AS exits,
        sum(x.handling_ns) AS handling_ns, sum(x.guest_ns) AS guest_ns
      FROM exits x JOIN reasons r USING (reason)
      GROUP BY x.exit_ns / 10000000, x.reason ORDER BY 1, exits DESC, r.name;
    """

  private static let interrupts = """
    CREATE VIEW interrupts_by_vector AS
      SELECT printf('0x%x', address) AS vector, count(*) AS interrupts
      FROM events WHERE kind = (SELECT reason FROM reasons WHERE name = 'interrupt'
        AND source = 'event')
      GROUP BY address ORDER BY interrupts DESC, address;
    """

  private static let kernelByReason = """
    CREATE VIEW kernel_exits_by_reason AS
      SELECT r.source AS isa, r.name AS reason, count(*) AS exits,
        sum(k.outcome = 'in kernel') AS in_kernel, sum(k.outcome = 'to runner') AS to_runner,
        sum(k.outcome = 'kicked') AS kicked, sum(k.kernel_ns) AS kernel_ns,
        max(k.kernel_ns) AS max_ns, round(avg(k.kernel_ns), 1) AS mean_ns,
        sum(k.guest_ns) AS guest_ns
      FROM kernel_exits k JOIN reasons r USING (reason)
      GROUP BY k.reason ORDER BY exits DESC, r.name;
    """

  private static let nestedPagingFaults = """
    CREATE VIEW nested_paging_faults AS
      SELECT printf('0x%x', (k.address >> 12) << 12) AS page, count(*) AS faults,
        sum(k.kernel_ns) AS kernel_ns
      FROM kernel_exits k JOIN reasons r USING (reason)
      WHERE r.name IN ('npf', 'EPT_VIOLATION', 'EPT_MISCONFIG') AND k.address IS NOT NULL
      GROUP BY k.address >> 12 ORDER BY faults DESC, k.address >> 12;
    """

  private static let hexadecimal = """
    CREATE VIEW events_hex AS
      SELECT e.event, r.name AS kind, e.vcpu,
        CASE WHEN e.address IS NOT NULL THEN printf('0x%x', e.address) END AS address,
        e.width, e.count, CASE WHEN e.value IS NOT NULL THEN printf('0x%x', e.value) END AS value,
        hex(e.payload) AS payload,
        CASE WHEN e.rip IS NOT NULL THEN printf('0x%x', e.rip) END AS rip,
        CASE WHEN e.timestamp IS NOT NULL THEN printf('0x%x', e.timestamp) END AS timestamp,
        CASE WHEN e.digest IS NOT NULL THEN printf('0x%x', e.digest) END AS digest
      FROM events e JOIN reasons r ON r.reason = e.kind;
    """
}
