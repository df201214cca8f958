"""The kinds of systems that connections can be made to, one module each.

What belongs here: classes of `connectors.connector`. What does not: ready-made systems (`connectors.systems`), which are
declarations for one of these kinds.
"""
