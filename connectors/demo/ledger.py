"""The books of the company while it is simulated: rows in memory, ids in the order of creation, and the change log.

What belongs here: creating and changing rows so that the change log and `updated_at` follow. What does not: why they change
(the process modules) and writing them to PostgreSQL (`connectors.demo.store`).
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from connectors.demo.crm_records import CRM_TABLES, CrmRecord
from connectors.demo.erp_records import ERP_TABLES, Change, Document, Record

R = TypeVar("R", bound=Record)
C = TypeVar("C", bound=CrmRecord)


class Ledger:
    """Every table as a list of rows; row n has id n + 1, so an id finds its row at once."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.now = clock
        self.rows: dict[type[Any], list[Any]] = {kind: [] for kind in (*ERP_TABLES, *CRM_TABLES)}
        self._changes: list[Change] = self.rows[Change]
        self._numbers: Counter[str] = Counter()

    def create(self, kind: type[R], user: int | None = None, /, **values: Any) -> R:
        """Adds a row made now by `user` (None: the system), with a note in the change log if the log follows its kind."""
        rows, now = self.rows[kind], self.now()
        record = kind(**{"created_at": now, "updated_at": now, **values, "id": len(rows) + 1})
        rows.append(record)
        if kind.document:
            self._log(record, user, "create", None, None, values.get("state"))
        return record

    def create_crm(self, kind: type[C], /, **values: Any) -> C:
        """Adds a row to the CRM."""
        rows = self.rows[kind]
        record = kind(**{"updated_at": self.now(), **values, "id": f"{kind.prefix}{len(rows) + 1:06d}"})
        rows.append(record)
        return record

    def number(self, prefix: str) -> str:
        """The next document number with that prefix, such as SO000123."""
        self._numbers[prefix] += 1
        return f"{prefix}{self._numbers[prefix]:06d}"

    def set_state(self, document: Document, state: str, user: int | None = None) -> None:
        """Moves a document to another state."""
        old, document.state = document.state, state
        self._log(document, user, "state", "state", old, state)

    def write(self, document: Record, user: int | None, field: str, old: object, new: object) -> None:
        """Notes that a field of a document (or of its lines) was changed; the caller changes it."""
        self._log(document, user, "write", field, str(old), str(new))

    def touch(self, *records: Record | CrmRecord) -> None:
        """Marks rows as changed now."""
        now = self.now()
        for record in records:
            record.updated_at = now

    def get(self, kind: type[R], number: int) -> R:
        """The row with that id."""
        return self.rows[kind][number - 1]

    def fingerprint(self) -> str:
        """Digest of the number of rows of each table and of the whole change log: equal for equal histories."""
        digest = hashlib.sha256()
        for kind, rows in self.rows.items():
            digest.update(f"{kind.table}={len(rows)};{sum(row.updated_at for row in rows)};".encode())
        for change in self._changes:
            digest.update(f"{change.changed_at},{change.user_id},{change.document_type},{change.document_id},".encode())
            digest.update(f"{change.field},{change.new_value};".encode())
        return digest.hexdigest()

    def _log(self, record: Record, user: int | None, event: str, field: str | None, old: str | None, new: str | None) -> None:
        now = record.updated_at = self.now()
        document = type(record).document or ""
        self._changes.append(Change(len(self._changes) + 1, now, user, document, record.id, event, field, old, new, now))
