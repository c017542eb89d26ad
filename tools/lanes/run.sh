# Sourced by tools/lane: puts the job on a disk, runs the machine, brings the results back.
# tools/lanes/init is the other side.

cylinder=$((16 * 63 * 512)) # Bochs wants whole ones
results_size=$((4161 * cylinder)) # 2 GiB, sparse

# Copies a program into the lane's /usr/bin, and its libraries to where it looks for them.
add_program() {
  local program library
  program=$(command -v "$1") || fail "$1: no such program"
  cp -L "$program" "$scratch/stage/usr/bin/${2:-}"
  ldd "$program" 2>/dev/null | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$scratch/stage$(dirname "$library")"
    cp -Lu "$library" "$scratch/stage$library"
  done || true
}

# What a program reads besides its libraries.
add_data_of() {
  local directory
  case $(basename "$1") in
  qemu-system-*)
    # The last holds the modules it loads, the translator among them.
    for directory in /usr/share/qemu /usr/share/seabios /usr/lib/ipxe/qemu /usr/lib/x86_64-linux-gnu/qemu; do
      [ ! -d "$directory" ] || {
        mkdir -p "$scratch/stage$directory"
        cp -RL "$directory/." "$scratch/stage$directory/" 2>/dev/null || true
      }
    done
    ;;
  esac
}

quoted() {
  local word
  for word; do printf "'%s' " "${word//\'/\'\\\'\'}"; done
}

# The disk the lane reads: a tar archive of programs, files and the command.
stage_job() {
  local program path size
  mkdir -p "$scratch/stage/lane/job" "$scratch/stage/usr"/{bin,lib,lib64}
  # As in the initramfs, so that one library does not have two places.
  ln -s usr/bin usr/lib usr/lib64 "$scratch/stage/"
  add_program "$binary" vmreel
  for program in "${programs[@]}"; do
    add_program "$program"
    add_data_of "$program"
  done
  for path in "${inputs[@]}"; do cp -RH -- "$path" "$scratch/stage/lane/job/"; done
  # Bochs' page-modification log holds addresses inside pages: KVM prints a warning with a stack for
  # each, 5 ms of the lane's time. Without the log KVM finds written pages by write protection.
  [ "$lane" != vtx ] || parameters=(kvm_intel.pml=0 "${parameters[@]}")
  printf '%s\n' "${parameters[@]}" >"$scratch/stage/lane/module-parameters"
  quoted "${command[@]}" >"$scratch/stage/lane/command"
  { stty size 2>/dev/null || echo 24 80; } >"$scratch/stage/lane/window"
  tar -C "$scratch/stage" --owner=0 --group=0 --exclude='./bin' --exclude='./lib*' -cf "$scratch/job.img" .
  rm -rf "$scratch/stage"
  size=$(stat -c %s "$scratch/job.img")
  truncate -s $(((size / cylinder + 1) * cylinder)) "$scratch/job.img"
  truncate -s $results_size "$scratch/results.img"
  : >"$scratch/kernel.log" >"$scratch/stdout" >"$scratch/stderr"
}

start_machine() {
  start_"$lane"
  processes+=($!)
  machine=$!
  if [ "$lane" = vtx ]; then
    drain_screen &
    processes+=($!)
  fi
  $shell && return
  tail -q -s 0.1 -c +1 -f --pid=$machine "$scratch/stdout" &
  streams=($!)
  tail -q -s 0.1 -c +1 -f --pid=$machine "$scratch/stderr" >&2 &
  streams+=($!)
  processes+=("${streams[@]}")
}

# QEMU translates; its own SVM implementation is what kvm-amd uses.
start_svm() {
  local serial=(-serial "file:$scratch/kernel.log") arguments=$kernel_arguments
  if $shell; then
    serial=(-chardev "stdio,id=terminal,signal=off,logfile=$scratch/kernel.log" -serial chardev:terminal)
    arguments+=" lane.shell"
    exec 3<&0
  else
    exec 3</dev/null
  fi
  qemu-system-x86_64 -accel tcg -cpu max -smp "$cpus" -m "$memory" -display none -monitor none -no-reboot -nic none \
    -kernel "$kernel/vmlinuz" -initrd "$initramfs" -append "$arguments" \
    "${serial[@]}" -serial "file:$scratch/stdout" -serial "file:$scratch/stderr" \
    -drive "file=$scratch/job.img,format=raw,if=ide,index=0,cache=unsafe" \
    -drive "file=$scratch/results.img,format=raw,if=ide,index=1,cache=unsafe" \
    <&3 2>"$scratch/machine.log" &
  exec 3<&-
}

# Bochs interprets. Its screen needs a terminal (script provides one) and it starts in its debugger.
start_vtx() {
  local job_cylinders
  job_cylinders=$(($(stat -c %s "$scratch/job.img") / cylinder))
  cat >"$scratch/bochsrc" <<END
memory: guest=$memory, host=$memory
cpu: model=corei7_skylake_x, count=1, ips=$instructions_per_second, reset_on_triple_fault=0
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=disk, path=$scratch/job.img, mode=flat, cylinders=$job_cylinders, heads=16, spt=63
ata0-slave: type=disk, path=$scratch/results.img, mode=flat, cylinders=$((results_size / cylinder)), heads=16, spt=63
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=cdrom, path=$iso, status=inserted
boot: cdrom
display_library: term
com1: enabled=1, mode=file, dev=$scratch/kernel.log
com2: enabled=1, mode=file, dev=$scratch/stdout
com3: enabled=1, mode=file, dev=$scratch/stderr
log: $scratch/machine.log
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
END
  echo c >"$scratch/debugger"
  TERM=xterm script -qc "exec bochs -q -f '$scratch/bochsrc' -rc '$scratch/debugger'" /dev/null \
    </dev/null >/dev/null 2>&1 &
}

# Bochs draws its screen on a pseudo-terminal of its own, and stands still after some minutes when
# nobody reads there.
drain_screen() {
  local emulator terminal=''
  while [ -z "$terminal" ]; do
    sleep 1
    emulator=$(cat "/proc/$machine/task/$machine/children" 2>/dev/null) || return 0
    terminal=$(sed -n 's/^tty-index:[[:space:]]*//p' /proc/"${emulator%% *}"/fdinfo/* 2>/dev/null | head -n 1)
  done
  exec cat "/dev/pts/$terminal" >/dev/null 2>&1
}

# Returns when the machine has ended, killed for the time or for a kernel panic if need be.
wait_for_machine() {
  local deadline=$((SECONDS + timeout))
  $shell && deadline=$((SECONDS + 10000000))
  while kill -0 "$machine" 2>/dev/null; do
    if [ $SECONDS -ge $deadline ]; then
      note "the command did not end within $timeout s; --timeout allows more"
      exit 124
    fi
    if grep -q '^\[.*Kernel panic' "$scratch/kernel.log"; then break; fi
    sleep 0.2
  done
}

# The command's new files and exit status; without a status the lane has failed.
collect_results() {
  local ended
  kill "$machine" 2>/dev/null || true
  $shell || wait "${streams[@]}" || true
  read -r -N 512 ended <"$scratch/results.img" 2>/dev/null || true
  if [[ ! $ended =~ ^ended\ ([0-9]+) ]]; then
    note "the $lane lane failed before the command ended; the last lines it wrote:"
    { tail -n 15 "$scratch/kernel.log" && tail -n 3 "$scratch/machine.log"; } | tr -d '\r' >&2
    exit 2
  fi
  local status=${BASH_REMATCH[1]}
  if [ -n "$out" ]; then
    mkdir -p "$out"
    # Behind the status follows an archive, or nothing when the command left no files.
    if [ "$(dd if="$scratch/results.img" bs=1 skip=512 count=6 status=none | tr -d '\0')" = 070701 ]; then
      copy_results
    else
      note "the command left no files for $out"
    fi
  fi
  exit "$status"
}

copy_results() {
  { dd bs=512 count=1 status=none of=/dev/null && cpio --quiet -idum --no-absolute-filenames -D "$out"; } \
    <"$scratch/results.img" || fail "the lane's files could not be copied to $out"
}

clean_up() {
  local process
  trap '' INT TERM HUP
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
