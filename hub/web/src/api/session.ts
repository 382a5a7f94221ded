// Who is signed in and what they may do.
import { useQuery } from '@tanstack/react-query';
import { queries } from './queries';
import type { Permission, Session } from './types';

/** The signed-in person; undefined while that is not known. */
export function useSession(): Session | undefined {
  return useQuery(queries.session()).data;
}

/** Whether the person may: what they can't use is not shown. */
export function useMay(permission: Permission): boolean {
  return useSession()?.permissions.includes(permission) ?? false;
}
