"""What Terraform writes into Parameter Store is what it prints."""

import re
from pathlib import Path

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"


def test_every_output_is_readable_from_the_stack() -> None:
    """All outputs but the recipe, which has a parameter of its own, are in deployed.tf, with the same expression."""
    outputs = dict(
        re.findall(
            r'^output "(\w+)" \{.*?^  value\s+= (.*?)\n\}',
            (TERRAFORM / "outputs.tf").read_text(),
            re.MULTILINE | re.DOTALL,
        )
    )
    block = (TERRAFORM / "deployed.tf").read_text().partition("  deployed = {\n")[2].partition("\n  }\n")[0]
    deployed = dict(re.findall(r"^    (\w+)\s+= (.*)$", block, re.MULTILINE))
    assert outputs.pop("recipe")
    assert deployed == outputs
