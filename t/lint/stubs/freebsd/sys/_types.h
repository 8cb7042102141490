/*
 * Included by gcc's stddef.h on FreeBSD.  For t/lint/stubs.sh only.
 */
