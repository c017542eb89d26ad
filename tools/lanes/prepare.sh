# Sourced by tools/lane: the packages, kernel and boot image of a lane, cached outside the checkout.

# Installs the Debian packages this lane needs and the machine lacks.
install_packages() {
  local missing=() wanted=(/bin/busybox:busybox-static cpio:cpio) entry
  case $lane in
  svm) wanted+=(qemu-system-x86_64:qemu-system-x86) ;;
  vtx)
    wanted+=(bochs:bochs script:bsdutils xorriso:xorriso
      /usr/lib/ISOLINUX/isolinux.bin:isolinux /usr/lib/syslinux/modules/bios/ldlinux.c32:syslinux-common
      /usr/share/bochs/BIOS-bochs-latest:bochsbios /usr/share/bochs/VGABIOS-lgpl-latest:vgabios
      /usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so:bochs-term)
    ;;
  esac
  for entry in "${wanted[@]}"; do
    [ -e "${entry%%:*}" ] || command -v "${entry%%:*}" >/dev/null || missing+=("${entry##*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "install the equivalents of ${missing[*]}; this system has no apt-get"
  [ "$(id -u)" -eq 0 ] || fail "run as root, or install first: sudo apt-get install ${missing[*]}"
  note "installing ${missing[*]}"
  update_packages
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq \
    --no-install-recommends "${missing[@]}" >/dev/null 2>"$cache/apt.log" ||
    fail "apt-get could not install ${missing[*]}: $(tail -n 1 "$cache/apt.log")"
}

# Renews apt's lists once; without a network the old ones may do.
update_packages() {
  [ -z "${packages_updated:-}" ] || return 0
  packages_updated=yes
  apt-get -o DPkg::Lock::Timeout=300 update -qq >/dev/null 2>&1 || note "apt-get update failed; trying on"
}

# The release the meta package depends on; without apt's lists, the newest one in the cache.
choose_release() {
  local found
  [ -z "$release" ] || return 0
  found=$(default_release) && [ -n "$found" ] || {
    update_packages
    found=$(default_release) || true
  }
  [ -n "$found" ] || found=$(find "$cache" -maxdepth 1 -name 'linux-*' -printf '%f\n' | sed 's/^linux-//' |
    sort -V | tail -n 1)
  [ -n "$found" ] || fail "apt knows no linux-image-cloud-amd64; the lanes need Debian's package lists"
  release=$found
}

default_release() {
  apt-cache depends linux-image-cloud-amd64 2>/dev/null |
    sed -n 's/^ *Depends: linux-image-\(.*-cloud-amd64\)$/\1/p' | head -n 1
}

# Downloads and unpacks a kernel package; nothing of it is installed.
fetch_kernel() {
  local work
  kernel=$cache/linux-$release
  [ ! -e "$kernel" ] || return 0
  note "fetching linux-image-$release"
  work=$(mktemp -d "$cache/.kernel-XXXXXX")
  chmod 755 "$work"
  (
    cd "$work"
    apt-get download -qq "linux-image-$release" >/dev/null 2>&1 ||
      { apt-get update -qq && apt-get download -qq "linux-image-$release"; } >/dev/null 2>"$cache/apt.log"
  ) || {
    rm -rf "$work"
    fail "apt cannot download linux-image-$release: $(tail -n 1 "$cache/apt.log")"
  }
  dpkg-deb -x "$work"/*.deb "$work/package"
  mkdir "$work/kernel"
  mv "$work/package/boot/vmlinuz-$release" "$work/kernel/vmlinuz"
  mv "$work/package/boot/config-$release" "$work/kernel/config"
  mkdir "$work/kernel/modules"
  find "$work/package" -name '*.ko*' -path "*/$release/*" -exec mv -t "$work/kernel/modules" {} +
  find "$work/kernel/modules" -name '*.ko.xz' -exec xz -d {} +
  mv -T "$work/kernel" "$kernel"
  rm -rf "$work"
}

# The first file system: busybox, the modules of disks and KVM, and tools/lanes/init.
make_initramfs() {
  local key work module vendor=kvm-amd
  [ "$lane" = svm ] || vendor=kvm-intel
  key=$(cat "$root/tools/lanes/init" "$root/tools/lanes/prepare.sh" /bin/busybox | sha256sum | cut -c 1-12)
  initramfs=$cache/$lane-$release-$key.cpio.gz
  if [ -e "$initramfs" ]; then
    touch "$initramfs"
    return
  fi
  # Those of other checkouts may be in use; old ones are not.
  find "$cache" -maxdepth 1 \( -name '*.cpio.gz' -o -name '*.iso' \) -mtime +7 -delete
  work=$(mktemp -d "$cache/.initramfs-XXXXXX")
  chmod 755 "$work"
  mkdir -p "$work"/{dev,proc,sys,modules,usr/bin,usr/lib,usr/lib64}
  ln -s usr/bin usr/lib usr/lib64 "$work/"
  cp /bin/busybox "$work/bin/"
  cp "$root/tools/lanes/init" "$work/init"
  chmod 755 "$work/init"
  for module in scsi_common scsi_mod sd_mod libata ata_piix irqbypass ccp kvm "$vendor"; do
    # A module that is not there is part of the kernel.
    [ ! -e "$kernel/modules/$module.ko" ] || cp "$kernel/modules/$module.ko" "$work/modules/"
  done
  (cd "$work" && find . -mindepth 1 | sort | cpio --quiet --reproducible -o -H newc | gzip -6n) >"$work.cpio.gz"
  rm -rf "$work"
  mv "$work.cpio.gz" "$initramfs"
}

# All clocks of Bochs count instructions, the timestamp counter as fast as they come; CPUID says
# 3.5 GHz whatever this is, so the kernel is told, or its timers would fire at a fraction of their time.
instructions_per_second=1000000000

# Isolinux boots the same kernel and initramfs for Bochs.
make_iso() {
  local work
  iso=${initramfs%.cpio.gz}.iso
  if [ -e "$iso" ]; then
    touch "$iso"
    return
  fi
  work=$(mktemp -d "$cache/.iso-XXXXXX")
  cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/"
  cp "$kernel/vmlinuz" "$work/vmlinuz"
  cp "$initramfs" "$work/initramfs"
  cat >"$work/isolinux.cfg" <<END
default lane
prompt 0
label lane
  kernel vmlinuz
  append initrd=initramfs $kernel_arguments nokaslr mitigations=off tsc_early_khz=$((instructions_per_second / 1000))
END
  xorriso -as mkisofs -quiet -o "$work.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
    -boot-info-table "$work" 2>"$cache/xorriso.log" ||
    fail "xorriso could not make the boot image: $(tail -n 1 "$cache/xorriso.log")"
  rm -rf "$work"
  mv "$work.iso" "$iso"
}

# Everything above, one lane at a time.
prepare_lane() {
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9
  # A busy host can hold the emulator up for longer than the kernel's checks of its timer allow.
  kernel_arguments="console=ttyS0 quiet panic=0 no_timer_check nowatchdog lane=$lane"
  choose_release
  fetch_kernel
  if ! $print_kernel; then
    install_packages
    make_initramfs
    [ "$lane" = svm ] || make_iso
    build_binary
  fi
  exec 9>&-
}

# The release build of this checkout, when it is older than its sources.
build_binary() {
  local built=$root/.build/release/vmreel
  [ -z "$binary" ] || return 0
  binary=$built
  [ ! -x "$built" ] || [ -n "$(find "$root/Package.swift" "$root/Sources" -newer "$built" -print -quit)" ] || return 0
  note "building vmreel (release)"
  (cd "$root" && tools/setup && swift build -c release --product vmreel >&2 && touch "$built") ||
    fail "vmreel does not build"
}
