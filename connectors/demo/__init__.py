"""The demo company: a seeded simulation that writes an ERP database and a CRM behind HTTP, as real systems hold them.

What belongs here: the simulation, its two systems and its manifest of planted truths. What does not: reading them.
"""

from connectors.demo.company import DemoState, advance, bring_up, read_manifest, state
from connectors.demo.crm import CrmAddress, running_crm

__all__ = ["CrmAddress", "DemoState", "advance", "bring_up", "read_manifest", "running_crm", "state"]
