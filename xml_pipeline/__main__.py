"""``python -m xml_pipeline``."""

from __future__ import annotations

from xml_pipeline.cli import main

if __name__ == "__main__":
    main()
