# Sourced by scripts that print a line for each of their cases, and count them at the end.
passed=0
failed=0

result() { # 0 where it passed, a sentence, what shows why not
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1)); echo "ok    $2"
    else
        failed=$((failed + 1)); echo "FAIL  $2"; grep -v ' Passed ' "$3" | tail -40 | sed 's/^/      /'
    fi
}

results_end() {
    [ $((passed + failed)) -gt 0 ] || result 1 "there is a case to try" /dev/null # nothing tried shows nothing
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# What runs 32-bit programs of this machine's processor: nothing where the kernel does, else an emulator.
runner_32() { # a folder to try it in
    echo 'int main( void ) { return 0; }' | gcc -m32 -x c -o "$1/runs32" - && "$1/runs32" 2> /dev/null || echo qemu-i386
}
