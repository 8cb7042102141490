/*
 * What each operating system does in its own way.
 */
#ifndef SHARED_OS_H
#define SHARED_OS_H

/*
 * Empties the set of capabilities that this process and its children could
 * ever have again (Linux; elsewhere there are none).  Needs root; what the
 * system does not let us drop is left, for changing the user clears the
 * effective ones in any case.
 */
void	os_drop_capabilities(void);

#endif
