"""Where MLflow believes its artifacts to lie, when the home folder has been moved or restored elsewhere.

What belongs here: rewriting those addresses. What does not: artifacts and models themselves (`models.registry`).

MLflow writes the absolute address of every artifact into its database and can only read there; it has no call that changes one.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_NOTED_IN = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)


def move_artifact_locations(database: "URL", *, old: str, new: str) -> int:
    """Says in all of MLflow's tables, in one transaction, that what lay below one address lies below another.

    Args:
        database: MLflow's database.
        old: The folder's address before, such as `file:///old/var/mlflow/artifacts`.
        new: Its address now.

    Returns:
        How many addresses were changed.
    """
    import sqlalchemy

    engine = sqlalchemy.create_engine(database, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        return sum(
            connection.execute(
                sqlalchemy.text(
                    f"update {table} set {column} = :new || substr({column}, length(:old) + 1) "
                    f"where starts_with({column} || '/', :old || '/')"
                ),
                {"old": old, "new": new},
            ).rowcount
            for table, column in _NOTED_IN
        )
