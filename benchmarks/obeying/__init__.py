"""An agent that obeys everything: its model, the orders it is given, and what comes of them."""
