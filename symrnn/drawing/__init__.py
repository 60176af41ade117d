"""Pictures and terminal text of what inquiries found: the unrolled graph, gradient flow, facts about a cell."""
