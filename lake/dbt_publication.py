"""Blue and green: what a dbt build made well is published whole, and what a failure touches keeps its last good tables.

What belongs here: attempts, each in one transaction, and what the next one leaves out. What does not: the transaction itself
(`lake.dbt_transaction`), the process it happens in (`lake.dbt_process`) and telling people (orchestration).

An attempt in which a model or a test fails is rolled back. The next one leaves out the failed model, or the model that the test is
about, with everything made of it. So readers see all of what is good at once, and never a table whose test failed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lake.dbt_transaction import ABORTED, Transaction, one_transaction

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

ATTEMPTS = 12  # a value that cannot be cast ends its transaction, so each attempt may find one fault only
FAILED = {"error", "fail", "runtime error"}
Invoke = Callable[[Sequence[str]], Any]  # runs dbt with these words; dbt's own result


@dataclass
class Outcome:
    """What came of a build."""

    is_published: bool = False
    failures: dict[str, str] = field(default_factory=dict)  # failed model or test: what dbt says of it
    left_out: dict[str, str] = field(default_factory=dict)  # model that keeps its last good table: the failure it stems from

    def words(self) -> dict[str, Any]:
        """The same as JSON can hold it."""
        return asdict(self)


class Publication:
    """One build: its attempts, and what they found."""

    def __init__(self, manifest: "Manifest", words: Sequence[str], invoke: Invoke) -> None:
        self.manifest, self.words, self.invoke = manifest, list(words), invoke
        self.blamed: dict[str, str] = {}  # unique id of a model: why it is left out
        self.selected: set[str] = set()
        self.outcome = Outcome()
        self._is_clean = self._may_try_again = False

    def publish(self) -> Outcome:
        """Builds until an attempt is clean, and commits that one."""
        for _ in range(ATTEMPTS):
            with one_transaction() as transaction:
                if not self._attempt(transaction):
                    continue
                self.outcome.is_published = self._commits(transaction)
            if self.outcome.is_published or not self._may_try_again:
                break
        self.outcome.left_out = self._left_out()
        return self.outcome

    def _attempt(self, transaction: Transaction) -> bool:
        """Whether there is nothing more to leave out."""
        done = self.invoke([*self.words, *self._excluded()])
        results = list(getattr(done.result, "results", ()))
        self.selected |= {one.node.unique_id for one in results if one.node.resource_type == "model"}
        self._may_try_again = False
        self._is_clean = bool(done.success)
        if not done.success and not self._blame(results):
            self.outcome.failures |= {} if results else {"dbt": str(done.exception or "dbt could not build")}
            return True  # nobody is to blame, so another attempt would end alike
        return self._is_clean and not self._blame_views(transaction)

    def _commits(self, transaction: Transaction) -> bool:
        """Whether everything is in the lake now; a collision with another writer is worth another attempt."""
        import duckdb

        from lake.transactions import is_conflict

        if not self._is_clean:
            return False
        try:
            transaction.commit()
        except duckdb.Error as error:
            self._may_try_again = is_conflict(error)
            if not self._may_try_again:
                self.outcome.failures["commit"] = str(error)
            return False
        return True

    def _excluded(self) -> list[str]:
        names = sorted(f"{self.manifest.nodes[model].name}+" for model in self.blamed)
        return ["--exclude", " ".join(names)] if names else []

    def _blame(self, results: Iterable[Any]) -> bool:
        """Blames the models behind what failed; tells whether any was not blamed before."""
        before = len(self.blamed)
        built = {one.node.unique_id for one in results if str(one.status) == "success"}
        for one in results:
            if str(one.status) in FAILED and ABORTED not in str(one.message):
                said = " ".join(str(one.message).split())
                self.outcome.failures[one.node.name] = said
                for model in self._behind(one.node, built):
                    self.blamed.setdefault(model, f"{one.node.name}: {said}")
        return len(self.blamed) > before

    def _behind(self, node: Any, built: set[str]) -> list[str]:
        """The model itself; of a test the model it is about, or, if that was not built, those it reads that were."""
        if node.resource_type == "model":
            return [node.unique_id]
        about = getattr(node, "attached_node", None)
        read = [name for name in node.depends_on.nodes if name in self.manifest.nodes]
        return [about] if about in built else [name for name in read if name in built] or read

    def _blame_views(self, transaction: Transaction) -> bool:
        """Blames what a view reads that would be kept and could no longer be read: both stay as they were then."""
        before = len(self.blamed)
        for model in self._left_out_ids():
            node = self.manifest.nodes[model]
            if node.config.materialized == "view" and not transaction.binds(str(node.relation_name)):
                for parent in self.manifest.parent_map.get(model, ()):
                    if parent.startswith("model."):
                        self.blamed.setdefault(parent, f"{node.name}, which reads it, keeps its last good version")
        return len(self.blamed) > before

    def _left_out_ids(self) -> dict[str, str]:
        """Every selected model that is blamed or made of one that is, and why."""
        found: dict[str, str] = {}
        for model, why in self.blamed.items():
            waiting = [model]
            while waiting:
                one = waiting.pop()
                if one not in found:
                    found[one] = why
                    waiting += [child for child in self.manifest.child_map.get(one, ()) if child.startswith("model.")]
        return {model: why for model, why in found.items() if model in self.selected}

    def _left_out(self) -> dict[str, str]:
        return {self.manifest.nodes[model].name: why for model, why in sorted(self._left_out_ids().items())}
