import FoundationEssentials
import Glibc
import Testing

extension ProgramTests {
  /// Hosts and directories that stop a recording before it begins.
  @Suite(.needsKVM, .needsMountNamespace) struct HostTrouble {
    /// A directory in which anybody may write, with a copy of the program anybody may run.
    private func publicDirectory() throws -> TestDirectory {
      let directory = try TestDirectory()
      let line = "chmod 777 . && cp \(try Executable.find()) program && chmod 755 program"
      try directory.shell(line).expectSuccess()
      return directory
    }

    private static let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"

    /// An empty /dev in a mount namespace of the command's own.
    @Test func noDevice() throws {
      let directory = try TestDirectory()
      try directory.vmreel("record", "--guest", "hello", "-o", "h.reel").expectSuccess()
      for command in ["record --guest hello -o x.reel", "replay h.reel", "bench exits"] {
        let run = try directory.shell(
          "exec unshare -m sh -c 'mount -t tmpfs none /dev && exec vmreel \(command)'")
        expectTrouble(run, "/dev/kvm", "No such file", "load the KVM module")
      }
      #expect(try directory.files() == ["h.reel"])
      let doctor = try directory.shell(
        "exec unshare -m sh -c 'mount -t tmpfs none /dev && exec vmreel doctor'")
      #expect(doctor.status == 2 && doctor.text.contains("NO "), "\(doctor.story)")
    }

    /// Without tracefs nothing may be recorded under the name of every exit.
    @Test func noTracefs() throws {
      let directory = try TestDirectory()
      let run = try directory.shell(
        """
        exec unshare -m sh -c 'umount -l /sys/kernel/tracing 2>/dev/null
        umount -l /sys/kernel/debug 2>/dev/null; umount -l /sys/kernel/tracing 2>/dev/null
        exec vmreel record --guest hello --kernel-exits -o x.reel'
        """)
      expectTrouble(run, "kvm_exit", "tracefs", "mount -t tracefs", "leave --kernel-exits out")
      #expect(try directory.files() == [])
    }

    /// A mounted tracefs that only root may read, to a user who may use KVM.
    @Test(.enabled(if: isTracefsMountable, "tracefs cannot be mounted here"))
    func unreadableTracefs() throws {
      let directory = try publicDirectory()
      let run = try directory.shell(
        """
        exec unshare -m sh -c 'mount -t tracefs none /sys/kernel/tracing
        device=$(stat -c "%Hr %Lr" /dev/kvm); mount -t tmpfs none /mnt
        mknod /mnt/kvm c $device; chmod 666 /mnt/kvm; mount --bind /mnt/kvm /dev/kvm
        exec \(Self.nobody) ./program record --guest hello --kernel-exits -o x.reel'
        """)
      expectTrouble(run, "kvm_exit", "tracefs", "run as root", "leave --kernel-exits out")
      #expect(try directory.files() == ["program"])
    }

    /// Where the tracepoint fires its exits are all there; where not, the reel and a note say so.
    @Test(.enabled(if: isTracefsMountable, "tracefs cannot be mounted here"))
    func everyExitOrTotals() throws {
      let directory = try TestDirectory()
      let run = try directory.shell(
        """
        exec unshare -m sh -c 'mount -t tracefs none /sys/kernel/tracing
        exec vmreel record --guest hello --kernel-exits -o x.reel'
        """)
      run.expectSuccess()
      try directory.vmreel("verify", "x.reel").expectSuccess()
      let info = try directory.vmreel("info", "x.reel").text
      if run.errors.contains("never fired") {
        #expect(info.contains("statistics fd totals only"), "\(info)")
      } else {
        #expect(info.contains(" recorded, 0 lost"), "\(info)")
        #expect(try directory.vmreel("dump", "--kernel-exits", "x.reel").text.contains("       + "))
      }
      try directory.vmreel("replay", "x.reel").expectSuccess()
    }

    @Test(.enabled(if: kvmIsForRootOnly, "everybody may open /dev/kvm here"))
    func noPermission() throws {
      let directory = try publicDirectory()
      let run = try directory.shell("exec \(Self.nobody) ./program record --guest hello -o x.reel")
      expectTrouble(run, "/dev/kvm", "Permission denied", "add yourself to the group")
      #expect(try directory.files() == ["program"])
    }

    /// What needs no KVM must work without permission for it.
    @Test func readingNeedsNoKVM() throws {
      let directory = try publicDirectory()
      try directory.vmreel("record", "--guest", "ticker", "-o", "t.reel").expectSuccess()
      for command in ["info", "stats", "dump", "verify", "diff t.reel"] {
        try directory.shell("exec \(Self.nobody) ./program \(command) t.reel").expectSuccess()
      }
    }

    @Test func unreadableReel() throws {
      let directory = try publicDirectory()
      try directory.shell("touch secret.reel && chmod 000 secret.reel").expectSuccess()
      let run = try directory.shell("exec \(Self.nobody) ./program info secret.reel")
      expectTrouble(run, "secret.reel", "Permission denied")
    }

    @Test func readOnlyDirectory() throws {
      let directory = try TestDirectory()
      let run = try directory.shell(
        """
        mkdir ro; exec unshare -m sh -c \
        'mount -t tmpfs -o ro none ro && exec vmreel record --guest hello -o ro/x.reel'
        """)
      expectTrouble(run, "ro/x.reel", "Read-only", "-o")
    }

    /// One mebibyte of disk is not enough for this guest: the recording must end by itself, say
    /// so, and what was written must be readable.
    @Test func fullDisk() throws {
      let directory = try TestDirectory()
      let run = try directory.shell(
        """
        mkdir small; exec unshare -m sh -c 'mount -t tmpfs -o size=1m none small
        vmreel record --guest compute -o small/x.reel; status=$?
        ls small >&2; vmreel dump small/x.reel --range ..5 2>&1
        vmreel recover small/x.reel -o y.reel 2>&1; vmreel recover small/x.reel -o small/y.reel 2>&1
        ls small; exit $status'
        """)
      #expect(run.status == 2, "\(run.story)")
      #expect(run.errors.contains("No space left"), "\(run.story)")
      #expect(run.errors.hasSuffix("x.reel\n"), "\(run.story)")
      #expect(run.text.contains("recovered y.reel: "), "\(run.story)")
      // No room for a copy on that disk: nothing of it may stay.
      #expect(run.text.contains("cannot write small/y.reel.copy.part"), "\(run.story)")
      #expect(run.text.hasSuffix("x.reel\n") && !run.text.hasSuffix("y.reel\n"), "\(run.story)")
      try directory.vmreel("verify", "y.reel").expectSuccess()
      let replayed = try directory.vmreel("replay", "y.reel", "--no-console")
      #expect(replayed.status == 0, "\(replayed.story)")
      #expect(run.text.contains("note: small/x.reel is partial"), "\(run.story)")
    }
  }

  /// Output files that are in the way.
  @Suite(.needsKVM) struct OutputFiles {
    @Test func existingReelStays() throws {
      let directory = try TestDirectory()
      try directory.write("precious".utf8, to: "x.reel")
      let run = try directory.vmreel("record", "--guest", "hello", "-o", "x.reel")
      expectTrouble(run, "x.reel exists already", "--force")
      #expect(try directory.read("x.reel") == Array("precious".utf8))
      #expect(try directory.files() == ["x.reel"])
      try directory.vmreel("record", "--guest", "hello", "-o", "x.reel", "--force").expectSuccess()
      try directory.vmreel("replay", "x.reel").expectSuccess()
    }

    @Test func stalePartStays() throws {
      let directory = try TestDirectory()
      try directory.write("half a reel".utf8, to: "x.reel.part")
      let run = try directory.vmreel("record", "--guest", "hello", "-o", "x.reel")
      expectTrouble(run, "x.reel.part", "unfinished recording", "--force")
      #expect(try directory.read("x.reel.part") == Array("half a reel".utf8))
      #expect(try directory.files() == ["x.reel.part"])
    }

    @Test func missingDirectoryOrADirectory() throws {
      let directory = try TestDirectory()
      expectTrouble(
        try directory.vmreel("record", "--guest", "hello", "-o", "no/x.reel"), "no/x.reel",
        "No such file", "-o")
      expectTrouble(
        try directory.vmreel("record", "--guest", "hello", "-o", "."), "Is a directory")
      #expect(try directory.files().isEmpty)
    }

    /// Even --force must not put a reel in the place of a device or a pipe.
    @Test func noRegularFile() throws {
      let directory = try TestDirectory()
      try directory.shell("mkfifo x.reel").expectSuccess()
      let run = try directory.vmreel("record", "--guest", "hello", "-o", "x.reel", "--force")
      expectTrouble(run, "x.reel is not a regular file")
      #expect(try directory.files() == ["x.reel"])
      try directory.shell("test -p x.reel").expectSuccess()
    }

    @Test func anotherRecorderAtWork() throws {
      let directory = try TestDirectory()
      let first = try directory.start("record", "--guest", "spin", "-o", "x.reel")
      #expect(first.waitForOutput("spin"), "the first recording does not start")
      let second = try directory.vmreel(
        "record", "--guest", "hello", "-o", "x.reel", "--force")
      expectTrouble(second, "another recorder")
      first.send(SIGINT)
      #expect(first.wait().status == 130)
      try directory.vmreel("verify", "x.reel").expectSuccess()
    }
  }

  /// Standard streams that are closed or broken.
  @Suite(.needsKVM) struct Streams {
    /// A closed standard output loses the console, never the reel: it holds the console too.
    @Test(arguments: [">&-", ">/dev/full", "<&- >&- 2>/dev/null", ">&- 2>&-"])
    func recordWithoutOutput(redirection: String) throws {
      let directory = try TestDirectory()
      let run = try directory.shell("vmreel record --guest hello -o h.reel \(redirection)")
      #expect(run.status == 2, "\(run.story)")
      try directory.vmreel("verify", "h.reel").expectSuccess()
      let replayed = try directory.vmreel("replay", "h.reel")
      #expect(replayed.errors.hasPrefix("identical: "), "\(replayed.story)")
      #expect(replayed.text.hasPrefix("Hello"))
    }

    @Test(arguments: ["dump", "info", "stats", "replay", "verify"])
    func readWithoutOutput(command: String) throws {
      let directory = try TestDirectory()
      try directory.vmreel("record", "--guest", "hello", "-o", "h.reel").expectSuccess()
      for redirection in [">&-", ">/dev/full"] {
        let run = try directory.shell("vmreel \(command) h.reel \(redirection)")
        expectTrouble(run, "standard output could not be written")
      }
    }

    @Test func pipeWhoseReaderLeaves() throws {
      let directory = try TestDirectory()
      try directory.vmreel("record", "--guest", "strings", "-o", "s.reel").expectSuccess()
      // The guest prints more than a pipe holds only together with the sleep: `true` reads none.
      let run = try directory.shell(
        "vmreel dump s.reel | head -1; echo ${PIPESTATUS[0]}; "
          + "(sleep 0.3; vmreel record --guest ticker -o t.reel) | true; echo ${PIPESTATUS[0]}")
      #expect(run.text.contains("keyframe       #0"), "\(run.story)")
      #expect(run.text.hasSuffix("2\n"), "\(run.story)")
      try directory.vmreel("replay", "t.reel").expectSuccess()
    }

    @Test func closedInput() throws {
      let directory = try TestDirectory()
      let run = try directory.shell("vmreel record --guest echo -o e.reel <&-")
      expectTrouble(run, "standard input is closed", "--input none")
      #expect(try directory.files().isEmpty)
      try directory.shell("vmreel record --guest hello -o h.reel <&-").expectSuccess()
    }

    /// Input that never ends: Ctrl-C must still get through.
    @Test func interruptWhileReadingInput() throws {
      let directory = try TestDirectory()
      let run = try directory.shell(
        "timeout -s INT 1 vmreel record --guest echo -o e.reel < <(exec sleep 5); echo $?")
      #expect(run.text == "124\n", "\(run.story)")
      #expect(try directory.files().isEmpty)
    }
  }
}

/// Whether users without a group of their own are kept from /dev/kvm.
private let kvmIsForRootOnly: Bool = {
  var status = stat()
  return unsafe stat("/dev/kvm", &status) == 0 && status.st_mode & 0o006 == 0
}()

/// Whether the kernel has a tracefs that a test of its own mount namespace can mount.
private let isTracefsMountable =
  (try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8).contains("tracefs")) ?? false
