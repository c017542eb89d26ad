#!/bin/bash

__vmreel_cursor_index_in_current_word() {
    local remaining="${COMP_LINE}"

    local word
    for word in "${COMP_WORDS[@]::COMP_CWORD}"; do
        remaining="${remaining##*([[:space:]])"${word}"*([[:space:]])}"
    done

    local -ir index="$((COMP_POINT - ${#COMP_LINE} + ${#remaining}))"
    if [[ "${index}" -le 0 ]]; then
        printf 0
    else
        printf %s "${index}"
    fi
}

# positional arguments:
#
# - 1: the current (sub)command's count of positional arguments
#
# required variables:
#
# - repeating_flags: the repeating flags that the current (sub)command can accept
# - non_repeating_flags: the non-repeating flags that the current (sub)command can accept
# - repeating_options: the repeating options that the current (sub)command can accept
# - non_repeating_options: the non-repeating options that the current (sub)command can accept
# - positional_number: value ignored
# - unparsed_words: unparsed words from the current command line
#
# modified variables:
#
# - non_repeating_flags: remove flags for this (sub)command that are already on the command line
# - non_repeating_options: remove options for this (sub)command that are already on the command line
# - positional_number: set to the current positional number
# - unparsed_words: remove all flags, options, and option values for this (sub)command
__vmreel_offer_flags_options() {
    local -ir positional_count="${1}"
    positional_number=0

    local was_flag_option_terminator_seen=false
    local is_parsing_option_value=false

    local -ar unparsed_word_indices=("${!unparsed_words[@]}")
    local -i word_index
    for word_index in "${unparsed_word_indices[@]}"; do
        if "${is_parsing_option_value}"; then
            # This word is an option value:
            # Reset marker for next word iff not currently the last word
            [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]] && is_parsing_option_value=false
            unset "unparsed_words[${word_index}]"
            # Do not process this word as a flag or an option
            continue
        fi

        local word="${unparsed_words["${word_index}"]}"
        if ! "${was_flag_option_terminator_seen}"; then
            case "${word}" in
            --)
                unset "unparsed_words[${word_index}]"
                # by itself -- is a flag/option terminator, but if it is the last word, it is the start of a completion
                if [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]]; then
                    was_flag_option_terminator_seen=true
                fi
                continue
                ;;
            -*)
                # ${word} is a flag or an option
                # If ${word} is an option, mark that the next word to be parsed is an option value
                local option
                for option in "${repeating_options[@]}" "${non_repeating_options[@]}"; do
                    [[ "${word}" = "${option}" ]] && is_parsing_option_value=true && break
                done

                # Remove ${word} from ${non_repeating_flags} or ${non_repeating_options} so it isn't offered again
                local not_found=true
                local -i index
                for index in "${!non_repeating_flags[@]}"; do
                    if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                        unset "non_repeating_flags[${index}]"
                        non_repeating_flags=("${non_repeating_flags[@]}")
                        not_found=false
                        break
                    fi
                done
                if "${not_found}"; then
                    for index in "${!non_repeating_flags[@]}"; do
                        if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                            unset "non_repeating_flags[${index}]"
                            non_repeating_flags=("${non_repeating_flags[@]}")
                            break
                        fi
                    done
                fi
                unset "unparsed_words[${word_index}]"
                continue
                ;;
            esac
        fi

        # ${word} is neither a flag, nor an option, nor an option value
        if [[ "${positional_number}" -lt "${positional_count}" || "${positional_count}" -lt 0 ]]; then
            # ${word} is a positional
            ((positional_number++))
            unset "unparsed_words[${word_index}]"
        else
            if [[ -z "${word}" ]]; then
                # Could be completing a flag, option, or subcommand
                positional_number=-1
            else
                # ${word} is a subcommand or invalid, so stop processing this (sub)command
                positional_number=-2
            fi
            break
        fi
    done

    unparsed_words=("${unparsed_words[@]}")

    if\
        ! "${was_flag_option_terminator_seen}"\
        && ! "${is_parsing_option_value}"\
        && [[ ("${cur}" = -* && "${positional_number}" -ge 0) || "${positional_number}" -eq -1 ]]
    then
        COMPREPLY+=($(compgen -W "${repeating_flags[*]} ${non_repeating_flags[*]} ${repeating_options[*]} ${non_repeating_options[*]}" -- "${cur}"))
    fi
}

__vmreel_add_completions() {
    local completion
    while IFS='' read -r completion; do
        COMPREPLY+=("${completion}")
    done < <(IFS=$'\n' compgen "${@}" -- "${cur}")
}

__vmreel_custom_complete() {
    if [[ -n "${cur}" || -z ${COMP_WORDS[${COMP_CWORD}]} || "${COMP_LINE:${COMP_POINT}:1}" != ' ' ]]; then
        local -ar words=("${COMP_WORDS[@]}")
    else
        local -ar words=("${COMP_WORDS[@]::${COMP_CWORD}}" '' "${COMP_WORDS[@]:${COMP_CWORD}}")
    fi

    "${COMP_WORDS[0]}" "${@}" "${words[@]}"
}

_vmreel() {
    local state
    state="$(shopt -p;shopt -po)"
    trap "${state//$'\n'/;}" RETURN
    shopt -s extglob
    set +o history +o posix

    local -xr SAP_SHELL=bash
    local -x SAP_SHELL_VERSION
    SAP_SHELL_VERSION="$(IFS='.';printf %s "${BASH_VERSINFO[*]}")"
    local -r SAP_SHELL_VERSION

    local -r cur="${2}"
    local -r prev="${3}"

    local -i positional_number
    local -a unparsed_words=("${COMP_WORDS[@]:1:${COMP_CWORD}}")

    local -a repeating_flags=()
    local -a non_repeating_flags=(--version -h --help)
    local -a repeating_options=()
    local -a non_repeating_options=()
    __vmreel_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    record|replay|join|info|dump|stats|report|export|diff|verify|recover|trim|strip|import|guests|doctor|bench|help)
        # Offer subcommand argument completions
        "_vmreel_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'record replay join info dump stats report export diff verify recover trim strip import guests doctor bench help' -- "${cur}"))
        ;;
    esac
}

_vmreel_record() {
    repeating_flags=()
    non_repeating_flags=(--force --kernel-exits --dump-vga --guest-status --version -h --help)
    repeating_options=(--module)
    non_repeating_options=(--guest --flat --at --entry --multiboot --kernel --initrd --append -m --memory --placement --clock --tsc --quantum --keyframe-every --for --max-exits --until-console --check --output -o --input)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--guest')
        return
        ;;
    '--flat')
        return
        ;;
    '--at')
        return
        ;;
    '--entry')
        __vmreel_add_completions -W 'real'$'\n''long64'
        return
        ;;
    '--multiboot')
        return
        ;;
    '--kernel')
        return
        ;;
    '--initrd')
        return
        ;;
    '--append')
        return
        ;;
    '--module')
        return
        ;;
    '-m'|'--memory')
        return
        ;;
    '--placement')
        __vmreel_add_completions -W 'exit'$'\n''seal'
        return
        ;;
    '--clock')
        __vmreel_add_completions -W 'warp'$'\n''real'
        return
        ;;
    '--tsc')
        __vmreel_add_completions -W 'auto'$'\n''freeze'$'\n''patch'$'\n''none'
        return
        ;;
    '--quantum')
        return
        ;;
    '--keyframe-every')
        return
        ;;
    '--for')
        return
        ;;
    '--max-exits')
        return
        ;;
    '--until-console')
        return
        ;;
    '--check')
        __vmreel_add_completions -W 'bits8'$'\n''full'
        return
        ;;
    '--output'|'-o')
        return
        ;;
    '--input')
        return
        ;;
    esac
}

_vmreel_replay() {
    repeating_flags=()
    non_repeating_flags=(--dump-state --page-tables --explain --no-console --dump-vga --resync --show-landings --version -h --help)
    repeating_options=(--memory)
    non_repeating_options=(--from --until --segment --jobs --at --symbols --format --exit-timeout --landing-limit --landings)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--from')
        return
        ;;
    '--until')
        return
        ;;
    '--segment')
        return
        ;;
    '--jobs')
        return
        ;;
    '--at')
        return
        ;;
    '--memory')
        return
        ;;
    '--symbols')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--exit-timeout')
        return
        ;;
    '--landing-limit')
        return
        ;;
    '--landings')
        return
        ;;
    esac
}

_vmreel_join() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __vmreel_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    esac
}

_vmreel_info() {
    repeating_flags=()
    non_repeating_flags=(--columns --version -h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    esac
}

_vmreel_dump() {
    repeating_flags=()
    non_repeating_flags=(--kernel-exits --console --times --version -h --help)
    repeating_options=()
    non_repeating_options=(--range --format)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--range')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'$'\n''csv'
        return
        ;;
    esac
}

_vmreel_stats() {
    repeating_flags=()
    non_repeating_flags=(--skip-damaged --histogram --follow --version -h --help)
    repeating_options=(--phase-marker --assert)
    non_repeating_options=(--exits --event --by --range --time --vcpu --symbols -k --sort -F --fields --view --top --format --interval --slower-than --baseline --threshold)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--exits')
        __vmreel_add_completions -W 'runner'$'\n''kernel'$'\n''handled'$'\n''all'
        return
        ;;
    '--event')
        __vmreel_add_completions -W 'vmexit'$'\n''ioport'$'\n''mmio'$'\n''msr'$'\n''irq'$'\n''kick'$'\n''hlt'
        return
        ;;
    '--by')
        return
        ;;
    '--range')
        return
        ;;
    '--time')
        return
        ;;
    '--vcpu')
        return
        ;;
    '--symbols')
        return
        ;;
    '--phase-marker')
        return
        ;;
    '-k'|'--sort')
        __vmreel_add_completions -W 'sample'$'\n''percent_sample'$'\n''time'$'\n''percent_time'$'\n''min_t'$'\n''max_t'$'\n''mean_t'$'\n''p50'$'\n''p90'$'\n''p99'$'\n''p999'$'\n''bytes'$'\n''name'
        return
        ;;
    '-F'|'--fields')
        return
        ;;
    '--view')
        __vmreel_add_completions -W 'handling'$'\n''guest'
        return
        ;;
    '--top')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'$'\n''csv'$'\n''md'
        return
        ;;
    '--interval')
        return
        ;;
    '--slower-than')
        return
        ;;
    '--baseline')
        return
        ;;
    '--threshold')
        return
        ;;
    '--assert')
        return
        ;;
    esac
}

_vmreel_report() {
    repeating_flags=()
    non_repeating_flags=(--force --skip-damaged --version -h --help)
    repeating_options=(--phase-marker)
    non_repeating_options=(--output -o --title --range --time --vcpu --symbols)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--output'|'-o')
        return
        ;;
    '--title')
        return
        ;;
    '--range')
        return
        ;;
    '--time')
        return
        ;;
    '--vcpu')
        return
        ;;
    '--symbols')
        return
        ;;
    '--phase-marker')
        return
        ;;
    esac
}

_vmreel_export() {
    repeating_flags=()
    non_repeating_flags=(--skip-damaged --force --version -h --help)
    repeating_options=()
    non_repeating_options=(--format --table --range --output -o)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--format')
        __vmreel_add_completions -W 'csv'$'\n''jsonl'$'\n''sqlite'$'\n''perfetto'$'\n''chrome'
        return
        ;;
    '--table')
        __vmreel_add_completions -W 'events'$'\n''exits'$'\n''kernel-exits'
        return
        ;;
    '--range')
        return
        ;;
    '--output'|'-o')
        return
        ;;
    esac
}

_vmreel_diff() {
    repeating_flags=()
    non_repeating_flags=(--memory --explain --stats-only --all --counts-only --quiet -q --full --force --version -h --help)
    repeating_options=(--ignore --compare --symbols --a --b)
    non_repeating_options=(-U --context --streams --at --sort --alpha --limit --format --html)
    __vmreel_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '-U'|'--context')
        return
        ;;
    '--ignore')
        return
        ;;
    '--compare')
        return
        ;;
    '--symbols')
        return
        ;;
    '--streams')
        __vmreel_add_completions -W 'together'$'\n''apart'
        return
        ;;
    '--at')
        return
        ;;
    '--sort')
        __vmreel_add_completions -W 'impact'$'\n''count'$'\n''percent'$'\n''time'$'\n''name'
        return
        ;;
    '--a')
        return
        ;;
    '--b')
        return
        ;;
    '--alpha')
        return
        ;;
    '--limit')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    '--html')
        return
        ;;
    esac
}

_vmreel_verify() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    esac
}

_vmreel_recover() {
    repeating_flags=()
    non_repeating_flags=(--force --version -h --help)
    repeating_options=()
    non_repeating_options=(--output -o)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--output'|'-o')
        return
        ;;
    esac
}

_vmreel_trim() {
    repeating_flags=()
    non_repeating_flags=(--force --version -h --help)
    repeating_options=()
    non_repeating_options=(--range --output -o)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--range')
        return
        ;;
    '--output'|'-o')
        return
        ;;
    esac
}

_vmreel_strip() {
    repeating_flags=()
    non_repeating_flags=(--pages --times --console --force --version -h --help)
    repeating_options=()
    non_repeating_options=(--output -o)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--output'|'-o')
        return
        ;;
    esac
}

_vmreel_import() {
    repeating_flags=()
    non_repeating_flags=(--force --version -h --help)
    repeating_options=()
    non_repeating_options=(--output -o --format --pid)
    __vmreel_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--output'|'-o')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'perf-script'$'\n''trace-cmd-report'$'\n''ftrace'
        return
        ;;
    '--pid')
        return
        ;;
    esac
}

_vmreel_guests() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'$'\n''csv'
        return
        ;;
    esac
}

_vmreel_doctor() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--format)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    esac
}

_vmreel_bench() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __vmreel_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    exits|guest|write|read|stats|diff|seek|size|generate|replay)
        # Offer subcommand argument completions
        "_vmreel_bench_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'exits guest write read stats diff seek size generate replay' -- "${cur}"))
        ;;
    esac
}

_vmreel_bench_exits() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--exits --rounds --format)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--exits')
        return
        ;;
    '--rounds')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'$'\n''csv'
        return
        ;;
    esac
}

_vmreel_bench_guest() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=(--module)
    non_repeating_options=(--guest --flat --at --entry --multiboot --kernel --initrd --append -m --memory --placement --clock --tsc --quantum --keyframe-every --for --max-exits --until-console --check --rounds --format)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--guest')
        return
        ;;
    '--flat')
        return
        ;;
    '--at')
        return
        ;;
    '--entry')
        __vmreel_add_completions -W 'real'$'\n''long64'
        return
        ;;
    '--multiboot')
        return
        ;;
    '--kernel')
        return
        ;;
    '--initrd')
        return
        ;;
    '--append')
        return
        ;;
    '--module')
        return
        ;;
    '-m'|'--memory')
        return
        ;;
    '--placement')
        __vmreel_add_completions -W 'exit'$'\n''seal'
        return
        ;;
    '--clock')
        __vmreel_add_completions -W 'warp'$'\n''real'
        return
        ;;
    '--tsc')
        __vmreel_add_completions -W 'auto'$'\n''freeze'$'\n''patch'$'\n''none'
        return
        ;;
    '--quantum')
        return
        ;;
    '--keyframe-every')
        return
        ;;
    '--for')
        return
        ;;
    '--max-exits')
        return
        ;;
    '--until-console')
        return
        ;;
    '--check')
        __vmreel_add_completions -W 'bits8'$'\n''full'
        return
        ;;
    '--rounds')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'$'\n''csv'
        return
        ;;
    esac
}

_vmreel_bench_write() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--sizes --seed --rounds --directory --format)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--sizes')
        return
        ;;
    '--seed')
        return
        ;;
    '--rounds')
        return
        ;;
    '--directory')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    esac
}

_vmreel_bench_read() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--sizes --seed --rounds --directory --format)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--sizes')
        return
        ;;
    '--seed')
        return
        ;;
    '--rounds')
        return
        ;;
    '--directory')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    esac
}

_vmreel_bench_stats() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--sizes --seed --rounds --directory --format)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--sizes')
        return
        ;;
    '--seed')
        return
        ;;
    '--rounds')
        return
        ;;
    '--directory')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    esac
}

_vmreel_bench_diff() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--sizes --seed --rounds --directory --format)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--sizes')
        return
        ;;
    '--seed')
        return
        ;;
    '--rounds')
        return
        ;;
    '--directory')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    esac
}

_vmreel_bench_seek() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--events --jumps --sizes --seed --rounds --directory --format)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--events')
        return
        ;;
    '--jumps')
        return
        ;;
    '--sizes')
        return
        ;;
    '--seed')
        return
        ;;
    '--rounds')
        return
        ;;
    '--directory')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    esac
}

_vmreel_bench_size() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--rounds --directory --format)
    __vmreel_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--rounds')
        return
        ;;
    '--directory')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'
        return
        ;;
    esac
}

_vmreel_bench_generate() {
    repeating_flags=()
    non_repeating_flags=(--force --version -h --help)
    repeating_options=()
    non_repeating_options=(--events --seed --vcpus --keyframe-interval --kernel-exits --edits --first-edit --output -o --golden)
    __vmreel_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--events')
        return
        ;;
    '--seed')
        return
        ;;
    '--vcpus')
        return
        ;;
    '--keyframe-interval')
        return
        ;;
    '--kernel-exits')
        __vmreel_add_completions -W 'vmx'$'\n''svm'
        return
        ;;
    '--edits')
        return
        ;;
    '--first-edit')
        return
        ;;
    '--output'|'-o')
        return
        ;;
    '--golden')
        return
        ;;
    esac
}

_vmreel_bench_replay() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--jobs --rounds --exits --format)
    __vmreel_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--jobs')
        return
        ;;
    '--rounds')
        return
        ;;
    '--exits')
        return
        ;;
    '--format')
        __vmreel_add_completions -W 'text'$'\n''json'$'\n''csv'
        return
        ;;
    esac
}

_vmreel_help() {
    repeating_flags=()
    non_repeating_flags=(--version)
    repeating_options=()
    non_repeating_options=()
    __vmreel_offer_flags_options -1
}

complete -o filenames -F _vmreel vmreel
