"""Systems that cannot run here, as HTTP servers that behave as their public documentation says.

What belongs here: authentication, query languages as far as connections use them, pages, limits and error answers of each system,
and a small company's history in its shapes. What does not: what is expected of a reading (`test_recorded_systems`).

Each system keeps `happened`, what its people did; the event logs made of its answers must say the same.
"""

from tests.connectors.recorded_systems.github import GitHub
from tests.connectors.recorded_systems.hubspot import HubSpot
from tests.connectors.recorded_systems.jira import Jira
from tests.connectors.recorded_systems.prometheus import Prometheus
from tests.connectors.recorded_systems.salesforce import Salesforce
from tests.connectors.recorded_systems.servicenow import ServiceNow
from tests.connectors.recorded_systems.serving import RecordedSystem, serving

__all__ = ["GitHub", "HubSpot", "Jira", "Prometheus", "RecordedSystem", "Salesforce", "ServiceNow", "serving"]
