import { findMarketFolders, openDatabase } from "./database.ts";

/**
 * Has the platform take a machine back, as its `interrupt` fault would: with a notice from now on, and the end after
 * `noticeMs`. For drills and tests. `folder` is a state folder or a home above it.
 *
 * @returns false when no such machine is up.
 */
export function interruptMachine(
  folder: string,
  leaseId: string,
  { noticeMs }: { readonly noticeMs: number },
): boolean {
  return findMarketFolders(folder).some((place) => {
    const database = openDatabase(place);
    try {
      const { changes } = database
        .prepare(
          `UPDATE machines SET interrupt_after_ms = max(0, ?1 - up_ms), notice_ms = ?2
           WHERE lease_id = ?3 AND up_ms <= ?1 AND ended_ms IS NULL`,
        )
        .run(Date.now(), noticeMs, leaseId);
      return changes === 1;
    } finally {
      database.close();
    }
  });
}
