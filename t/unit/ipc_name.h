/* The name of a record's type, as "MAIL"; "?" for an unknown type. */
#ifndef T_UNIT_IPC_NAME_H
#define T_UNIT_IPC_NAME_H

#include "shared/ipc.h"

static inline const char *
ipc_name(uint32_t type)
{
#define NAME(name, way, payload, fd, when, holds)	[IPC_##name] = #name,
	static const char *const names[] = { IPC_RECORDS(NAME) };
#undef NAME

	return type < IPC_TYPE_COUNT ? names[type] : "?";
}

#endif
