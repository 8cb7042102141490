/* Asked for by gcc's stddef.h on FreeBSD. */
