#!/bin/sh
# clang-tidy over files, as an unbroken list of checks: sh tidy.sh FLAGS FILE...
set -eu
flags=$1
shift
# Left out are checks that argue with the house (names, padding, widening in
# C), and those that want Annex K, which no system here has.
checks='-*,bugprone-*,cert-*,clang-analyzer-*'
checks="$checks,-bugprone-easily-swappable-parameters"
checks="$checks,-bugprone-reserved-identifier,-cert-dcl37-c,-cert-dcl51-cpp"
checks="$checks,-bugprone-narrowing-conversions,-bugprone-branch-clone"
checks="$checks,-bugprone-implicit-widening-of-multiplication-result"
checks="$checks,-bugprone-macro-parentheses,-cert-err33-c"
checks="$checks,-clang-analyzer-optin.performance.Padding"
# This version takes every va_start for missing, a TAILQ for one fixed list,
# and a copy of counted octets for a string without its end.
checks="$checks,-clang-analyzer-valist.Uninitialized"
checks="$checks,-clang-analyzer-unix.Malloc"
checks="$checks,-bugprone-not-null-terminated-result"
checks="$checks,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling"
# shellcheck disable=SC2086
exec clang-tidy --quiet --warnings-as-errors='*' --checks="$checks" "$@" -- \
    $flags
