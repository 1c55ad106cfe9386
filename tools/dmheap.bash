# bash completion for dmheap: commands, options, files, and for `blocks` the modules that a file has.
_dmheap() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command="" file="" i count=0
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -b | --base | -a | --at | -e | --elf | -o | --output) ((i++)) ;;
        -*) ;;
        *)
            case $count in 0) command=${COMP_WORDS[i]} ;; 1) file=${COMP_WORDS[i]} ;; esac
            ((count++))
            ;;
        esac
    done
    case $before in
    -b | --base | -a | --at) return ;;
    -e | --elf | -o | --output) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--json --base --at --elf --output --massif --heaptrack --perfetto --help --version" -- "$word")
    elif [[ -z $command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "report check modules blocks map diff leaks replay size view export" -- "$word")
    elif [[ $command == blocks && $count -ge 2 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(dmheap modules --json "${file/#\~/$HOME}" 2> /dev/null |
            sed -n 's/^{"kind":"module",.*"name":"\([^" \\]*\)",.*/\1/p' | sort -u)" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -o filenames -F _dmheap dmheap
