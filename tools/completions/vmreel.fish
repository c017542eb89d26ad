function __vmreel_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __vmreel_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __vmreel_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __vmreel_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __vmreel_parse_tokens -S
    set -l unparsed_tokens (__vmreel_tokens -pc)
    switch $unparsed_tokens[1]
    case 'vmreel'
        __vmreel_parse_subcommand 0 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'record'
            __vmreel_parse_subcommand 0 'guest=' 'flat=' 'at=' 'entry=' 'multiboot=' 'kernel=' 'initrd=' 'append=' 'module=+' 'm/memory=' 'placement=' 'clock=' 'tsc=' 'quantum=' 'keyframe-every=' 'for=' 'max-exits=' 'until-console=' 'check=' 'o/output=' 'force' 'input=' 'kernel-exits' 'dump-vga' 'guest-status' 'version' 'h/help'
        case 'replay'
            __vmreel_parse_subcommand 1 'from=' 'until=' 'segment=' 'jobs=' 'at=' 'dump-state' 'page-tables' 'memory=+' 'no-console' 'dump-vga' 'format=' 'exit-timeout=' 'landing-limit=' 'landings=' 'resync' 'show-landings' 'version' 'h/help'
        case 'join'
            __vmreel_parse_subcommand -r 2 'format=' 'version' 'h/help'
        case 'info'
            __vmreel_parse_subcommand 1 'columns' 'format=' 'version' 'h/help'
        case 'dump'
            __vmreel_parse_subcommand 1 'range=' 'format=' 'kernel-exits' 'console' 'times' 'version' 'h/help'
        case 'stats'
            __vmreel_parse_subcommand 1 'exits=' 'event=' 'by=' 'range=' 'time=' 'vcpu=' 'symbols=' 'phase-marker=+' 'skip-damaged' 'k/sort=' 'F/fields=' 'view=' 'top=' 'histogram' 'format=' 'interval=' 'slower-than=' 'follow' 'baseline=' 'threshold=' 'assert=+' 'version' 'h/help'
        case 'diff'
            __vmreel_parse_subcommand 2 'q/quiet' 'U/context=' 'ignore=+' 'limit=' 'format=' 'version' 'h/help'
        case 'verify'
            __vmreel_parse_subcommand 1 'format=' 'version' 'h/help'
        case 'recover'
            __vmreel_parse_subcommand 1 'o/output=' 'force' 'version' 'h/help'
        case 'trim'
            __vmreel_parse_subcommand 1 'range=' 'o/output=' 'force' 'version' 'h/help'
        case 'strip'
            __vmreel_parse_subcommand 1 'pages' 'times' 'console' 'o/output=' 'force' 'version' 'h/help'
        case 'guests'
            __vmreel_parse_subcommand 0 'format=' 'version' 'h/help'
        case 'doctor'
            __vmreel_parse_subcommand 0 'format=' 'version' 'h/help'
        case 'bench'
            __vmreel_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'exits'
                __vmreel_parse_subcommand 0 'exits=' 'rounds=' 'format=' 'version' 'h/help'
            case 'guest'
                __vmreel_parse_subcommand 0 'guest=' 'flat=' 'at=' 'entry=' 'multiboot=' 'kernel=' 'initrd=' 'append=' 'module=+' 'm/memory=' 'placement=' 'clock=' 'tsc=' 'quantum=' 'keyframe-every=' 'for=' 'max-exits=' 'until-console=' 'check=' 'rounds=' 'format=' 'version' 'h/help'
            case 'write'
                __vmreel_parse_subcommand 0 'sizes=' 'seed=' 'rounds=' 'directory=' 'format=' 'version' 'h/help'
            case 'read'
                __vmreel_parse_subcommand 0 'sizes=' 'seed=' 'rounds=' 'directory=' 'format=' 'version' 'h/help'
            case 'stats'
                __vmreel_parse_subcommand 0 'sizes=' 'seed=' 'rounds=' 'directory=' 'format=' 'version' 'h/help'
            case 'diff'
                __vmreel_parse_subcommand 0 'sizes=' 'seed=' 'rounds=' 'directory=' 'format=' 'version' 'h/help'
            case 'seek'
                __vmreel_parse_subcommand 0 'events=' 'jumps=' 'sizes=' 'seed=' 'rounds=' 'directory=' 'format=' 'version' 'h/help'
            case 'size'
                __vmreel_parse_subcommand -r 1 'rounds=' 'directory=' 'format=' 'version' 'h/help'
            case 'generate'
                __vmreel_parse_subcommand 0 'events=' 'seed=' 'vcpus=' 'keyframe-interval=' 'kernel-exits=' 'force' 'o/output=' 'golden=' 'version' 'h/help'
            case 'replay'
                __vmreel_parse_subcommand 1 'jobs=' 'rounds=' 'exits=' 'format=' 'version' 'h/help'
            end
        case 'help'
            __vmreel_parse_subcommand -r 1 'version'
        end
    end
end

function __vmreel_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __vmreel_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __vmreel_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __vmreel_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__vmreel_tokens -p)
    if test -z "$(__vmreel_tokens -t)"
        set -l index (count (__vmreel_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'vmreel' -f
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'record' -d 'Run a guest on KVM and write down everything that crosses its boundary.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'replay' -d 'Re-execute a recorded guest on KVM, checking every exit against the reel.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'join' -d 'Join the results of a reel\'s segments, replayed anywhere, to one verdict.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'info' -d 'Say what a reel is, what it holds, and how it was recorded.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'dump' -d 'Print the events of a reel, one a line.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'stats' -d 'Count exits and what they cost, in perf\'s familiar table.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'diff' -d 'Compare two reels event by event.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'verify' -d 'Check every byte of a reel: checksums, structure, page identities, totals.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'recover' -d 'Make a whole reel of a partial or damaged one.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'trim' -d 'Cut a range of events out of a reel, as a reel that can be replayed by itself.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'strip' -d 'Copy a reel without the guest\'s memory, times or console, to pass it on.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'guests' -d 'List the built-in sample guests.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'doctor' -d 'Say what this host can do for vmreel, and how to mend what it cannot.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'bench' -d 'Measure what recording and reading cost on this machine.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" guest' -l 'guest' -d 'A built-in guest (see `vmreel guests`).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" flat' -l 'flat' -d 'A flat binary; needs --at.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" at' -l 'at' -d 'Load and entry address of --flat, such as 0x7c00.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" entry' -l 'entry' -d 'How --flat starts: real (16-bit, the default) or long64.' -rfka 'real long64'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" multiboot' -l 'multiboot' -d 'A Multiboot 1 kernel (ELF32, ELF64 or a.out-kludge).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" kernel' -l 'kernel' -d 'A Linux kernel: a bzImage (vmlinuz), or an ELF file (vmlinux).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" initrd' -l 'initrd' -d 'The initial RAM disk of --kernel: a cpio archive.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" append' -l 'append' -d 'The kernel\'s command line, such as console=ttyS0; for --kernel and --multiboot.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record"' -l 'module' -d 'A boot module; may be repeated.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" m memory' -s 'm' -l 'memory' -d 'RAM in MiB; 128 for --kernel, else 16.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" placement' -l 'placement' -d 'Where interrupts may come: exit (guest-made exits only) or seal (also at kicks).' -rfka 'exit seal'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" clock' -l 'clock' -d 'The guest\'s clock: warp (virtual) or real; real when standard input is a terminal.' -rfka 'warp real'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" tsc' -l 'tsc' -d 'What RDTSC reads: freeze (a value the recording chose), patch (the kernel is rewritten), none (the host\'s counter) or auto (the best this host can do; none for built-in guests).' -rfka 'auto freeze patch none'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" quantum' -l 'quantum' -d 'Kick a guest that has not exited for this long, such as 5ms.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" keyframe-every' -l 'keyframe-every' -d 'Take a keyframe every so many guest-made exits (10000), so much time (250ms) or so much memory changed (32MiB); 0 for none.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" for' -l 'for' -d 'Stop after so many seconds, or a time such as 200ms.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" max-exits' -l 'max-exits' -d 'Stop after this many guest-made exits.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" until-console' -l 'until-console' -d 'Stop when the console has printed this text.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" check' -l 'check' -d 'What each exit stores of the digest: bits8 or full.' -rfka 'bits8 full'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" o output' -l 'output' -s 'o' -d 'The reel to write; NAME.reel by default, - for standard output.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" force' -l 'force' -d 'Overwrite an existing reel.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" input' -l 'input' -d 'Bytes for the serial port: a file, - for standard input, or none.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" kernel-exits' -l 'kernel-exits' -d 'Record the exits the kernel handles alone too, from KVM\'s tracepoints (needs root).'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" dump-vga' -l 'dump-vga' -d 'Print the VGA text screen at the end.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" guest-status' -l 'guest-status' -d 'End with the status the guest wrote to the debug-exit port.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel record" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" from' -l 'from' -d 'Begin at the last keyframe at or before this event, not at the first.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" until' -l 'until' -d 'Compare up to and with this event, not to the end.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" segment' -l 'segment' -d 'Replay part I of N parts of about equal cost, each from one keyframe to another; `vmreel join` makes one verdict of their results (--format json).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" jobs' -l 'jobs' -d 'Replay in this many processes at a time, from different keyframes; one verdict.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" at' -l 'at' -d 'Replay to the moment after this event, from the keyframe before it; needs --dump-state.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" dump-state' -l 'dump-state' -d 'Print the guest\'s registers at --at.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" page-tables' -l 'page-tables' -d 'Print what the guest\'s page tables map at --at.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay"' -l 'memory' -d 'Print so many bytes of RAM at --at; v: before the address makes it a virtual one. May be repeated.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" no-console' -l 'no-console' -d 'Do not print what the guest prints.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" dump-vga' -l 'dump-vga' -d 'Print the VGA text screen at the end.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" format' -l 'format' -d 'text: the console, and the verdict on standard error; json: the verdict alone.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" exit-timeout' -l 'exit-timeout' -d 'How long the guest may go without an exit before replay gives up.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" landing-limit' -l 'landing-limit' -d 'How long to look for the ends of all sealed segments before the rest is jumped.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" landings' -l 'landings' -d 'Keep where sealed segments end in this file; a later replay finds them faster.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" resync' -l 'resync' -d 'After a difference go on from the next keyframe, and count what is skipped.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" show-landings' -l 'show-landings' -d 'Print a line on standard error for each search for the end of a sealed segment.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel replay" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel join" format' -l 'format' -d 'text: the verdict on standard error; json: on standard output.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel join" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel join" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel info" columns' -l 'columns' -d 'Add a table of what each column takes; json always has it.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel info" format' -l 'format' -d 'text or json.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel info" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel info" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel dump" range' -l 'range' -d 'Events A..B, B excluded; either may be left out.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel dump" format' -l 'format' -d 'text, json (one object a line) or csv.' -rfka 'text json csv'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel dump" kernel-exits' -l 'kernel-exits' -d 'Add the exits the kernel saw, each after the event it came after (text or json).'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel dump" console' -l 'console' -d 'Print the console transcript instead of events.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel dump" times' -l 'times' -d 'Add the host times of each exit, unless they were stripped.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel dump" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel dump" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" exits' -l 'exits' -d 'Which exits: runner (userspace), kernel (all), handled (by the kernel alone), all.' -rfka 'runner kernel handled all'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" event' -l 'event' -d 'Of those: vmexit, ioport, mmio, msr, irq, kick or hlt.' -rfka 'vmexit ioport mmio msr irq kick hlt'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" by' -l 'by' -d 'Tell them apart by up to four of: reason, port, gpa, msr, vcpu, rip, symbol, device, phase, vector, wake, cause.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" range' -l 'range' -d 'Only the events A..B.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" time' -l 'time' -d 'Only exits from host time A to B, such as 1s,1500ms.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" vcpu' -l 'vcpu' -d 'Only this vCPU.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" symbols' -l 'symbols' -d 'The guest kernel\'s vmlinux or System.map; KASLR\'s offset is found in the reel.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats"' -l 'phase-marker' -d 'A phase begins by console text, a port write or an event: kernel=console:Linux, boot=port:0x80:0x3c, late=event:9000. Repeatable.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" skip-damaged' -l 'skip-damaged' -d 'Go on past damaged blocks, count the loss, and exit 2.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" k sort' -s 'k' -l 'sort' -d 'Sort by: sample, percent_sample, time, percent_time, min_t, max_t, mean_t, p50, p99, bytes, name.' -rfka 'sample percent_sample time percent_time min_t max_t mean_t p50 p99 bytes name'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" F fields' -s 'F' -l 'fields' -d 'The columns: sample, percent_sample, percent_time, min_t, max_t, mean_t, p50, p90, p99, p999, time, bytes, outcomes, name.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" view' -l 'view' -d 'Whose time: handling or guest.' -rfka 'handling guest'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" top' -l 'top' -d 'Only the first N rows.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" histogram' -l 'histogram' -d 'Add a histogram of each row\'s handling times.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" format' -l 'format' -d 'text, json, csv or md.' -rfka 'text json csv md'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" interval' -l 'interval' -d 'A series: the counts of each interval of host time.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" slower-than' -l 'slower-than' -d 'List the exits that took longer, the slowest --top of them (1000).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" follow' -l 'follow' -d 'Count a reel while it is recorded: a screen each second, or the counts at its end.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" baseline' -l 'baseline' -d 'Compare with an older reel; exit 1 when a row grew by more than --threshold.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" threshold' -l 'threshold' -d 'How much a row may grow against --baseline.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats"' -l 'assert' -d 'Exit 1 unless this holds, such as \'p99(hlt) < 2ms\'. Repeatable.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel stats" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel diff" q quiet' -l 'quiet' -s 'q' -d 'Answer with the exit status alone.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel diff" U context' -s 'U' -l 'context' -d 'Common events to show.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel diff"' -l 'ignore' -d 'A field not to compare, such as rip or check; may be repeated.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel diff" limit' -l 'limit' -d 'Rows of the table of totals.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel diff" format' -l 'format' -d 'text or json.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel diff" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel diff" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel verify" format' -l 'format' -d 'text or json.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel verify" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel verify" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel recover" o output' -l 'output' -s 'o' -d 'The reel to write.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel recover" force' -l 'force' -d 'Overwrite an existing file.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel recover" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel recover" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel trim" range' -l 'range' -d 'Events A..B, B excluded; either may be left out.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel trim" o output' -l 'output' -s 'o' -d 'The copy to write.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel trim" force' -l 'force' -d 'Overwrite an existing file.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel trim" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel trim" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel strip" pages' -l 'pages' -d 'Leave out the guest\'s memory: the default.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel strip" times' -l 'times' -d 'Leave out all host times.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel strip" console' -l 'console' -d 'Leave out what went through the consoles, and the memory.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel strip" o output' -l 'output' -s 'o' -d 'The copy to write.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel strip" force' -l 'force' -d 'Overwrite an existing file.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel strip" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel strip" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel guests" format' -l 'format' -d 'text, json or csv.' -rfka 'text json csv'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel guests" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel guests" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel doctor" format' -l 'format' -d 'text or json.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel doctor" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel doctor" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel bench" -eq 1' -fa 'exits' -d 'Nanoseconds per exit: bare KVM_RUN, the runner, the runner recording.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel bench" -eq 1' -fa 'guest' -d 'Seconds a guest takes: not recorded, recorded, replayed.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel bench" -eq 1' -fa 'write' -d 'Nanoseconds per event of recording, by thread; bytes per exit; memory.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel bench" -eq 1' -fa 'read' -d 'Nanoseconds per event of reading reels of several sizes; memory.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel bench" -eq 1' -fa 'stats' -d 'Nanoseconds per event of counting exits in reels of several sizes.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel bench" -eq 1' -fa 'diff' -d 'Nanoseconds per event of comparing two equal reels of several sizes.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel bench" -eq 1' -fa 'seek' -d 'Milliseconds to open reels of several sizes, and to jump to an event.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel bench" -eq 1' -fa 'size' -d 'Bytes per exit of reels, by type of block and by column of the events.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel bench" -eq 1' -fa 'generate' -d 'Write a synthetic reel: for reading it, no guest replays it.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_positional "vmreel bench" -eq 1' -fa 'replay' -d 'The speed-up of replay --jobs, as a share of what bare KVM loops reach.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench exits" exits' -l 'exits' -d 'Exits per round.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench exits" rounds' -l 'rounds' -d 'Rounds of each variant, at least 3.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench exits" format' -l 'format' -d 'text, json or csv.' -rfka 'text json csv'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench exits" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench exits" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" guest' -l 'guest' -d 'A built-in guest (see `vmreel guests`).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" flat' -l 'flat' -d 'A flat binary; needs --at.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" at' -l 'at' -d 'Load and entry address of --flat, such as 0x7c00.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" entry' -l 'entry' -d 'How --flat starts: real (16-bit, the default) or long64.' -rfka 'real long64'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" multiboot' -l 'multiboot' -d 'A Multiboot 1 kernel (ELF32, ELF64 or a.out-kludge).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" kernel' -l 'kernel' -d 'A Linux kernel: a bzImage (vmlinuz), or an ELF file (vmlinux).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" initrd' -l 'initrd' -d 'The initial RAM disk of --kernel: a cpio archive.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" append' -l 'append' -d 'The kernel\'s command line, such as console=ttyS0; for --kernel and --multiboot.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest"' -l 'module' -d 'A boot module; may be repeated.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" m memory' -s 'm' -l 'memory' -d 'RAM in MiB; 128 for --kernel, else 16.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" placement' -l 'placement' -d 'Where interrupts may come: exit (guest-made exits only) or seal (also at kicks).' -rfka 'exit seal'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" clock' -l 'clock' -d 'The guest\'s clock: warp (virtual) or real; real when standard input is a terminal.' -rfka 'warp real'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" tsc' -l 'tsc' -d 'What RDTSC reads: freeze (a value the recording chose), patch (the kernel is rewritten), none (the host\'s counter) or auto (the best this host can do; none for built-in guests).' -rfka 'auto freeze patch none'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" quantum' -l 'quantum' -d 'Kick a guest that has not exited for this long, such as 5ms.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" keyframe-every' -l 'keyframe-every' -d 'Take a keyframe every so many guest-made exits (10000), so much time (250ms) or so much memory changed (32MiB); 0 for none.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" for' -l 'for' -d 'Stop after so many seconds, or a time such as 200ms.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" max-exits' -l 'max-exits' -d 'Stop after this many guest-made exits.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" until-console' -l 'until-console' -d 'Stop when the console has printed this text.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" check' -l 'check' -d 'What each exit stores of the digest: bits8 or full.' -rfka 'bits8 full'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" rounds' -l 'rounds' -d 'Rounds of each variant.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" format' -l 'format' -d 'text, json or csv.' -rfka 'text json csv'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench guest" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench write" sizes' -l 'sizes' -d 'Events in the reels, from 100 to 10m (default: 10k,100k,1m,10m).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench write" seed' -l 'seed' -d 'The seed of the reels.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench write" rounds' -l 'rounds' -d 'Rounds of each variant, alternated.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench write" directory' -l 'directory' -d 'Where temporary reels go; else TMPDIR.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench write" format' -l 'format' -d 'text or json.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench write" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench write" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench read" sizes' -l 'sizes' -d 'Events in the reels, from 100 to 10m (default: 10k,100k,1m,10m).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench read" seed' -l 'seed' -d 'The seed of the reels.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench read" rounds' -l 'rounds' -d 'Rounds of each variant, alternated.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench read" directory' -l 'directory' -d 'Where temporary reels go; else TMPDIR.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench read" format' -l 'format' -d 'text or json.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench read" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench read" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench stats" sizes' -l 'sizes' -d 'Events in the reels, from 100 to 10m (default: 10k,100k,1m,10m).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench stats" seed' -l 'seed' -d 'The seed of the reels.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench stats" rounds' -l 'rounds' -d 'Rounds of each variant, alternated.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench stats" directory' -l 'directory' -d 'Where temporary reels go; else TMPDIR.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench stats" format' -l 'format' -d 'text or json.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench stats" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench stats" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench diff" sizes' -l 'sizes' -d 'Events in the reels, from 100 to 10m (default: 10k,100k,1m,10m).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench diff" seed' -l 'seed' -d 'The seed of the reels.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench diff" rounds' -l 'rounds' -d 'Rounds of each variant, alternated.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench diff" directory' -l 'directory' -d 'Where temporary reels go; else TMPDIR.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench diff" format' -l 'format' -d 'text or json.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench diff" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench diff" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench seek" events' -l 'events' -d 'Events in the reel to jump in, from 100 to 10m.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench seek" jumps' -l 'jumps' -d 'Jumps in a round, at least 1.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench seek" sizes' -l 'sizes' -d 'Events in the reels, from 100 to 10m (default: 10k,100k,1m,10m).' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench seek" seed' -l 'seed' -d 'The seed of the reels.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench seek" rounds' -l 'rounds' -d 'Rounds of each variant, alternated.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench seek" directory' -l 'directory' -d 'Where temporary reels go; else TMPDIR.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench seek" format' -l 'format' -d 'text or json.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench seek" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench seek" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench size" rounds' -l 'rounds' -d 'Rounds of each variant, alternated.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench size" directory' -l 'directory' -d 'Where temporary reels go; else TMPDIR.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench size" format' -l 'format' -d 'text or json.' -rfka 'text json'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench size" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench size" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench generate" events' -l 'events' -d 'Events, from 100 to 10m.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench generate" seed' -l 'seed' -d 'The seed.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench generate" vcpus' -l 'vcpus' -d 'vCPUs, from 1 to 64.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench generate" keyframe-interval' -l 'keyframe-interval' -d 'Events between keyframes; 0: none.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench generate" kernel-exits' -l 'kernel-exits' -d 'Add exits as the kernel of such a host traces them: vmx or svm.' -rfka 'vmx svm'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench generate" force' -l 'force' -d 'Overwrite an existing file.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench generate" o output' -l 'output' -s 'o' -d 'The reel to write.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench generate" golden' -l 'golden' -d 'Write the golden reels to this directory.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench generate" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench generate" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench replay" jobs' -l 'jobs' -d 'Processes at a time.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench replay" rounds' -l 'rounds' -d 'Rounds of each variant, at least 3.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench replay" exits' -l 'exits' -d 'Exits of each bare loop.' -rfka ''
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench replay" format' -l 'format' -d 'text, json or csv.' -rfka 'text json csv'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench replay" version' -l 'version' -d 'Show the version.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel bench replay" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'vmreel' -n '__vmreel_should_offer_completions_for_flags_or_options "vmreel help" version' -l 'version' -d 'Show the version.'
